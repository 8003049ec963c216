//! What every party does: reads its own rows, alone.

use component_kit::{ComponentError, Result, TaskContext};
use tables::transform::{self, Learned, Made, Settings, TransformError};
use tables::{Table, TableKind};
use vocabulary::{ErrorCode, Fault, Tells};

use super::model::Model;
use super::params::Params;

/// Remarks on rows that are written into the log.
const MOST_REMARKS: usize = 100;

pub(super) async fn fit(task: &TaskContext, params: Params) -> Result<()> {
    let table = task.need_input("data").await?;
    let settings = params.settings().respecting(&table.schema().meta);
    if let Some(reason) = as_it_is(&table, &params) {
        task.save_model(&Model {
            settings,
            learned: None,
        })
        .await?;
        return pass_on(task, &table, reason).await;
    }
    let made = make(task, &table, &settings, None).await?;
    let anonymous = transform::anonymous_header(&owner(task), made.learned.header.len());
    let (meta, param) = transform::model_view(&settings, &made.learned, Some(&anonymous));
    // Fills may be values of single rows, and every column is named.
    task.metrics(&[Tells::Rows, Tells::Headers])
        .model_view(&meta, &param);
    task.save_model(&Model {
        settings: settings.clone(),
        learned: Some(made.learned.clone()),
    })
    .await?;
    tell(task, &settings, &made).await
}

pub(super) async fn apply(task: &TaskContext, params: Params) -> Result<()> {
    let table = task.need_input("data").await?;
    if let Some(reason) = as_it_is(&table, &params) {
        return pass_on(task, &table, reason).await;
    }
    let model: Model = task.load_model().await?;
    let Some(learned) = model.learned else {
        let fault = Fault::new(
            ErrorCode::DataMismatch,
            "the model was made of instances, and the table has raw rows",
        );
        return Err(fault.next("train with raw rows, or give instances").into());
    };
    let settings = model.settings.respecting(&table.schema().meta);
    let made = make(task, &table, &settings, Some(learned)).await?;
    tell(task, &settings, &made).await
}

/// Why the input needs no work, if it needs none.
fn as_it_is(table: &Table, params: &Params) -> Option<&'static str> {
    if !params.need_run {
        return Some("need_run is false");
    }
    (table.schema().kind != TableKind::Raw).then_some("its rows are no raw rows any more")
}

async fn pass_on(task: &TaskContext, table: &Table, reason: &str) -> Result<()> {
    task.info(format!("the table is passed on as it is: {reason}"));
    task.output(0, table).await
}

fn owner(task: &TaskContext) -> String {
    format!("{}_{}", task.role(), task.me().party)
}

async fn make(
    task: &TaskContext,
    table: &Table,
    settings: &Settings,
    earlier: Option<Learned>,
) -> Result<Made> {
    let (table, settings, owner) = (table.clone(), settings.clone(), owner(task));
    task.progress(0.0, format!("{} rows to read", table.rows()));
    let made = task.compute(move || match &earlier {
        None => transform::fit(&table, &settings, &owner),
        Some(learned) => transform::apply(&table, &settings, learned, &owner),
    });
    made.await?
        .map_err(|error: TransformError| ComponentError::from(Fault::from(error)))
}

async fn tell(task: &TaskContext, settings: &Settings, made: &Made) -> Result<()> {
    let schema = made.table.schema();
    let remarks = made.remarks.iter().take(MOST_REMARKS);
    remarks.for_each(|remark| task.warn(remark.to_string()));
    if made.remarks.len() > MOST_REMARKS {
        task.warn(format!(
            "{} remarks more like these",
            made.remarks.len() - MOST_REMARKS
        ));
    }
    let label = schema.label().map_or("no label".to_owned(), |label| {
        format!("label {}", label.name)
    });
    task.info(format!(
        "{} instances with {} features, {label}",
        made.table.rows(),
        schema.features().len()
    ));
    if let Some(summary) = transform::summary(settings, &made.learned) {
        task.metrics(&[Tells::Rows, Tells::Headers])
            .summary(&summary);
    }
    task.output(0, &made.table).await
}
