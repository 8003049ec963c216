//! Participants of jobs as rows of a list: counted by their index alone, and read no further than the page goes.

use service::RowFilter;
use service::ports::Stored;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use vocabulary::{JobId, Participant};

use super::{PARTICIPANT, asks_for_any, cut, narrow, order, participant_from, total_of_last_page};
use crate::sql::SqlTransaction;
use crate::values::{among, containing, failed};

/// Whether somebody in the job of `p` is not local.
const IN_COMPANY: &str = "(p.role <> 'local' OR EXISTS (SELECT 1 FROM participants q WHERE q.job_id = p.job_id AND q.role <> 'local'))";

/// The page, and how many fit in all.
pub(crate) async fn find(
    to: &mut SqlTransaction,
    filter: &RowFilter,
) -> Stored<(Vec<(JobId, Participant)>, u64)> {
    let mut find = QueryBuilder::new(
        "/* rows: find */ SELECT p.rowid AS place, p.job_id, p.role, p.party FROM jobs j JOIN participants p ON p.job_id = j.id WHERE 1 = 1",
    );
    narrow(&mut find, &filter.jobs);
    among(
        &mut find,
        " AND p.role IN (",
        filter.roles.iter().map(ToString::to_string),
    );
    described(&mut find, filter);
    find.push(" AND (");
    in_company(&mut find, filter);
    if may_be_alone(filter) {
        find.push(" OR (p.role = 'local' AND p.role = j.initiator_role AND p.party = j.initiator_party AND NOT ");
        find.push(IN_COMPANY).push(")");
    }
    find.push(")");
    order(&mut find, &filter.jobs);
    find.push(", p.position");
    cut(&mut find, &filter.jobs);
    let found = find.build().fetch_all(&mut *to.tx).await.map_err(failed)?;
    let rows = to.readable(&PARTICIPANT, &found, participant_from).await?;
    match total_of_last_page(found.len(), &filter.jobs) {
        Some(total) => Ok((rows, total)),
        None => Ok((rows, count(&mut to.tx, filter).await?)),
    }
}

/// How many fit. Jobs of locals count once, whoever of them asked for it.
async fn count(connection: &mut SqliteConnection, filter: &RowFilter) -> Stored<u64> {
    let mut company = QueryBuilder::new(
        "/* rows: count found */ SELECT COUNT(*) FROM participants p WHERE 1 = 1",
    );
    of_jobs(&mut company, filter);
    described(&mut company, filter);
    company.push(" AND ");
    in_company(&mut company, filter);
    let mut total: i64 = company
        .build_query_scalar()
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if may_be_alone(filter) {
        let mut alone = QueryBuilder::new(
            "/* rows: count alone */ SELECT COUNT(DISTINCT p.job_id) FROM participants p WHERE p.role = 'local'",
        );
        of_jobs(&mut alone, filter);
        if filter.description_contains.is_some() {
            described(&mut alone, filter);
            alone.push(
                " AND EXISTS (SELECT 1 FROM jobs i WHERE i.id = p.job_id AND i.initiator_role = p.role \
                 AND i.initiator_party = p.party)",
            );
        }
        alone.push(" AND NOT ").push(IN_COMPANY);
        let jobs: i64 = alone
            .build_query_scalar()
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        total += jobs;
    }
    Ok(u64::try_from(total).unwrap_or(0))
}

fn of_jobs(query: &mut QueryBuilder<Sqlite>, filter: &RowFilter) {
    among(
        query,
        " AND p.role IN (",
        filter.roles.iter().map(ToString::to_string),
    );
    if !asks_for_any(&filter.jobs) {
        query.push(" AND p.job_id IN (SELECT j.id FROM jobs j WHERE 1 = 1");
        narrow(query, &filter.jobs);
        query.push(")");
    }
}

/// What a participant reads: its own note, the job's description where it has none.
fn described(query: &mut QueryBuilder<Sqlite>, filter: &RowFilter) {
    if let Some(part) = &filter.description_contains {
        let told = "COALESCE(p.notes, (SELECT d.description FROM jobs d WHERE d.id = p.job_id))";
        containing(query.push(" AND "), told, part);
    }
}

/// A text that does not change when a part is taken out of it does not contain the part.
fn contains(query: &mut QueryBuilder<Sqlite>, column: &'static str, part: &str) {
    query
        .push(" AND REPLACE(")
        .push(column)
        .push(", ")
        .push_bind(part.to_owned());
    // Not LIKE: the case of ids counts here, and LIKE of SQLite does not heed it.
    query.push(", '') <> ").push(column);
}

fn in_company(query: &mut QueryBuilder<Sqlite>, filter: &RowFilter) {
    query.push("(").push(IN_COMPANY);
    if let Some(part) = given(&filter.party_contains) {
        contains(query, "p.party", part);
    }
    if let Some(text) = &filter.partner_contains {
        query.push(" AND EXISTS (SELECT 1 FROM participants o WHERE o.job_id = p.job_id AND o.position <> p.position");
        if !text.is_empty() {
            contains(query, "o.party", text);
        }
        query.push(")");
    }
    query.push(")");
}

/// Whether somebody who does a job alone can fit: there is no partner, and the id is known beforehand.
fn may_be_alone(filter: &RowFilter) -> bool {
    let fits = |part: &str| filter.alone_as.contains(part);
    filter.partner_contains.is_none() && given(&filter.party_contains).is_none_or(fits)
}

fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
