//! A policy in words: what it allows to whom, made of the rules in force. Each rule has a sentence, with its place behind it.

use std::fmt::Display;

use crate::cap::Cap;
use crate::limits::Hours;
use crate::rules::{Columns, OnePeer};
use crate::rules::{MaliciousHosts, Policy, WhenBroken};

/// Sentences under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// What they are about.
    pub heading: String,
    /// The sentences, each with the place of its rule at the end.
    pub sentences: Vec<String>,
}

fn list<T: AsRef<str>>(names: &[T], none: &str) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => none.to_owned(),
        all if all.contains(&"*") => "all".to_owned(),
        some => some.join(", "),
    }
}

fn number(cap: Cap, unit: &str) -> String {
    if cap == Cap::any() {
        format!("any number of {unit}")
    } else {
        format!("at most {cap} {unit}")
    }
}

fn days(hours: &[Hours]) -> String {
    let hours: Vec<String> = hours.iter().map(ToString::to_string).collect();
    if hours.is_empty() {
        "never".to_owned()
    } else {
        hours.join(", ")
    }
}

fn columns(columns: &Columns) -> String {
    let one = |(table, columns): (&String, &Vec<String>)| {
        format!("of {table} only {}", list(columns, "none"))
    };
    let all: Vec<String> = columns.iter().map(one).collect();
    if all.is_empty() {
        "whole tables".to_owned()
    } else {
        all.join("; ")
    }
}

fn chapter(heading: impl Into<String>, sentences: Vec<(&str, String)>) -> Chapter {
    let sentence = |(place, text): (&str, String)| format!("{text}. [{place}]");
    Chapter {
        heading: heading.into(),
        sentences: sentences.into_iter().map(sentence).collect(),
    }
}

fn switch(on: bool, what: &str) -> String {
    format!("{what} {}", if on { "leave" } else { "stay here" })
}

fn words<'a>(words: impl IntoIterator<Item = &'a vocabulary::Disclosure>) -> String {
    let words: Vec<&str> = words.into_iter().map(|one| one.word()).collect();
    list(&words, "nothing")
}

impl Policy {
    /// What the policy allows to whom.
    pub fn explain(&self) -> Vec<Chapter> {
        let mut chapters = vec![
            self.explain_admission(),
            self.explain_release(),
            self.explain_disclosure(),
            self.explain_training(),
            self.explain_ids(),
            self.explain_limits(),
        ];
        let peers = self
            .rules
            .peer
            .iter()
            .map(|(peer, own)| explain_peer(peer, own));
        chapters.extend(peers.filter(|chapter| !chapter.sentences.is_empty()));
        chapters
    }

    fn explain_admission(&self) -> Chapter {
        let of = &self.rules.admission;
        let arbiter = if of.independent_arbiter {
            "must be neither guest nor host"
        } else {
            "may be guest or host, too"
        };
        let tickets = list(&of.without_ticket, "nothing");
        chapter(
            "What this party takes part in",
            [
                (
                    "admission.initiators",
                    format!(
                        "Jobs are started here, beside by the party's own users, by users of: {}",
                        list(&of.initiators, "nobody")
                    ),
                ),
                (
                    "admission.peers",
                    format!(
                        "Parties that may be in such a job: {}",
                        list(&of.peers, "none")
                    ),
                ),
                (
                    "admission.components",
                    format!("Components that are run: {}", list(&of.components, "none")),
                ),
                (
                    "admission.tables",
                    format!("Tables that jobs read: {}", list(&of.tables, "none")),
                ),
                (
                    "admission.columns",
                    format!("Columns of them: {}", columns(&of.columns)),
                ),
                (
                    "admission.models",
                    format!(
                        "Models that are applied also with parties that did not train them: {}",
                        list(&of.models, "none")
                    ),
                ),
                (
                    "models.versions",
                    format!(
                        "Versions of models that are applied with those who trained them: {}",
                        list(&self.rules.models.versions, "none")
                    ),
                ),
                (
                    "models.uses_per_day",
                    format!(
                        "Jobs of one other party apply one version {} a day",
                        number(self.rules.models.uses_per_day, "times")
                    ),
                ),
                (
                    "admission.independent_arbiter",
                    format!("The arbiter, who can open ciphertexts, {arbiter}"),
                ),
                (
                    "admission.without_ticket",
                    format!(
                        "In this party's own name the coordinator alone starts jobs of these components: {tickets}"
                    ),
                ),
            ]
            .into_iter()
            .chain(self.offers_and_permissions())
            .collect(),
        )
    }

    fn offers_and_permissions(&self) -> [(&'static str, String); 5] {
        let of = &self.rules.admission;
        let permissions = &self.rules.permissions;
        let grants = |on: bool| if on { "count, too" } else { "do not count" };
        let at_endpoint = if permissions.through_coordinator {
            "may"
        } else {
            "may not"
        };
        [
            (
                "admission.offer_days",
                format!("An offer is good for {}", number(of.offer_days, "days")),
            ),
            (
                "admission.attempts",
                format!(
                    "An offer allows {} of each task",
                    number(of.attempts, "attempts")
                ),
            ),
            (
                "permissions.component",
                format!(
                    "Components granted at the party's REST endpoint {}",
                    grants(permissions.component)
                ),
            ),
            (
                "permissions.dataset",
                format!("Tables granted there {}", grants(permissions.dataset)),
            ),
            (
                "permissions.through_coordinator",
                format!(
                    "People at the coordinator's endpoint {at_endpoint} see and change grants and pinned keys"
                ),
            ),
        ]
    }

    fn explain_release(&self) -> Chapter {
        let of = &self.rules.release;
        let mut sentences = vec![
            (
                "release.disclosures",
                format!(
                    "Messages to other parties may give away: {}",
                    words(&of.disclosures)
                ),
            ),
            (
                "release.largest_message",
                format!("A message has at most {} bytes", of.largest_message),
            ),
            (
                "release.most_messages",
                format!("An attempt sends at most {} messages", of.most_messages),
            ),
        ];
        for (peer, own) in &of.peer {
            let text = format!(
                "To party {peer} they may give away instead: {}",
                words(&own.disclosures)
            );
            sentences.push(("release.peer.*.disclosures", text));
        }
        chapter("What leaves towards other parties", sentences)
    }

    fn explain_disclosure(&self) -> Chapter {
        let of = &self.rules.disclosure;
        let server = |on: bool, what: &str| {
            format!(
                "People at the coordinator's endpoint {} {what}",
                if on { "get" } else { "do not get" }
            )
        };
        chapter(
            "What the coordinator and its readers are told",
            vec![
                (
                    "disclosure.metrics",
                    switch(of.metrics, "Figures and curves"),
                ),
                (
                    "disclosure.summaries",
                    switch(of.summaries, "Summaries of steps, coefficients among them,"),
                ),
                (
                    "disclosure.model_views",
                    switch(of.model_views, "Views of models"),
                ),
                (
                    "disclosure.table_headers",
                    switch(of.table_headers, "Names of columns"),
                ),
                (
                    "disclosure.rows_through_coordinator",
                    server(of.rows_through_coordinator, "rows"),
                ),
                (
                    "disclosure.logs_through_coordinator",
                    server(of.logs_through_coordinator, "logs"),
                ),
                (
                    "disclosure.models_through_coordinator",
                    server(of.models_through_coordinator, "models"),
                ),
                (
                    "disclosure.fewest_rows",
                    format!("Figures of fewer than {} rows stay here", of.fewest_rows),
                ),
                (
                    "disclosure.queries_per_day",
                    format!(
                        "Jobs of one other party are told {} of this party's data alone a day",
                        number(of.queries_per_day, "measurements")
                    ),
                ),
            ],
        )
    }

    fn explain_training(&self) -> Chapter {
        let (of, labels) = (&self.rules.features, &self.rules.labels);
        let broken = match labels.when_broken {
            WhenBroken::Refuse => "is refused",
            WhenBroken::Warn => "runs, and its log says what can be learned",
        };
        let hosts = match labels.malicious_hosts {
            MaliciousHosts::Trust => {
                "runs with one key: the parties are trusted to encrypt as the protocol says"
            }
            MaliciousHosts::Rekey => "runs with as many keys as it takes, and takes longer",
            MaliciousHosts::Refuse => "is refused",
        };
        chapter(
            "What trainings and predictions give away",
            vec![
                (
                    "features.vectors",
                    format!(
                        "A model's step sends of each of its tables {}",
                        number(of.vectors, "vectors of row values")
                    ),
                ),
                (
                    "features.vectors_in_training",
                    format!(
                        "In the course of a training, at validations, it sends {} of each table more",
                        number(of.vectors_in_training, "vectors")
                    ),
                ),
                (
                    "features.repeats",
                    format!(
                        "They may differ in {} beside the first",
                        number(of.repeats, "attempts")
                    ),
                ),
                (
                    "features.classes",
                    format!(
                        "One-vs-rest counts as one vector, of {}",
                        number(of.classes, "classes")
                    ),
                ),
                (
                    "features.fewest_columns",
                    format!(
                        "Row values leave of tables with at least {} columns that have more than one value",
                        of.fewest_columns
                    ),
                ),
                (
                    "labels.rows_per_column",
                    format!(
                        "Where this party has the labels, a batch whose rows hosts know has at least {} rows for each column of theirs",
                        labels.rows_per_column
                    ),
                ),
                (
                    "labels.small_table",
                    format!(
                        "So has each batch of a table below {} rows",
                        labels.small_table
                    ),
                ),
                (
                    "labels.when_broken",
                    format!("A training that breaks this {broken}"),
                ),
                (
                    "labels.malicious_hosts",
                    format!(
                        "A training in which one key would open more values than leave it its strength {hosts}"
                    ),
                ),
            ],
        )
    }

    fn explain_ids(&self) -> Chapter {
        let of = &self.rules.intersection;
        chapter(
            "What intersections tell of ids",
            vec![
                (
                    "intersection.fewest_ids",
                    format!("Each party puts in at least {} ids", of.fewest_ids),
                ),
                (
                    "intersection.fewest_common",
                    format!(
                        "Of fewer than {} common ids nobody is told which they are",
                        of.fewest_common
                    ),
                ),
                (
                    "intersection.new_ids_per_day",
                    format!(
                        "One peer finds {} a day of which it was not told before; whoever can guess ids learns of so many whether they are here",
                        number(of.new_ids_per_day, "ids")
                    ),
                ),
            ],
        )
    }

    fn explain_limits(&self) -> Chapter {
        let of = &self.rules.limits;
        let until = if of.until.is_set() {
            format!("until the end of {}", of.until)
        } else {
            "without an end".to_owned()
        };
        chapter(
            "How often, at which hours and until when (days and hours are UTC)",
            vec![
                (
                    "limits.jobs_per_day",
                    format!(
                        "Of one other party {} are accepted a day",
                        number(of.jobs_per_day, "jobs")
                    ),
                ),
                (
                    "limits.trainings_per_day",
                    format!("Among them {}", number(of.trainings_per_day, "trainings")),
                ),
                (
                    "limits.online_ids_per_day",
                    format!(
                        "Of one other party {} are predicted online a day",
                        number(of.online_ids_per_day, "ids")
                    ),
                ),
                (
                    "limits.hours",
                    format!(
                        "Jobs with others are accepted and go on at: {}",
                        days(&of.hours)
                    ),
                ),
                ("limits.until", format!("They are {until}")),
            ],
        )
    }
}

fn explain_peer(peer: &impl Display, of: &OnePeer) -> Chapter {
    let OnePeer {
        components,
        tables,
        columns: own_columns,
        models,
        model_uses_per_day,
        ..
    } = of;
    let OnePeer {
        fewest_ids,
        fewest_common,
        new_ids_per_day,
        jobs_per_day,
        trainings_per_day,
        ..
    } = of;
    let OnePeer {
        online_ids_per_day,
        hours,
        until,
        ..
    } = of;
    let said = [
        ("peer.*.components", components.as_ref().map(|all| format!("Components that are run: {}", list(all, "none")))),
        ("peer.*.tables", tables.as_ref().map(|all| format!("Tables that jobs read: {}", list(all, "none")))),
        ("peer.*.columns", own_columns.as_ref().map(|all| format!("Columns of them: {}", columns(all)))),
        (
            "peer.*.models",
            models.as_ref().map(|all| format!("Versions of models that are applied: {}", list(all, "none"))),
        ),
        (
            "peer.*.model_uses_per_day",
            model_uses_per_day.map(|cap| {
                format!("For it one version is applied {} a day, whoever starts the jobs", number(cap, "times"))
            }),
        ),
        ("peer.*.fewest_ids", fewest_ids.map(|ids| format!("Into an intersection each party puts at least {ids} ids"))),
        ("peer.*.fewest_common", fewest_common.map(|ids| format!("Of fewer than {ids} common ids nobody is told"))),
        (
            "peer.*.new_ids_per_day",
            new_ids_per_day.map(|cap| format!("It finds {} a day of which it was not told before", number(cap, "ids"))),
        ),
        (
            "peer.*.jobs_per_day",
            jobs_per_day.map(|cap| {
                format!(
                    "Of jobs that it starts, or of which it is told something, {} are accepted a day",
                    number(cap, "of them")
                )
            }),
        ),
        (
            "peer.*.trainings_per_day",
            trainings_per_day.map(|cap| format!("Among them are {}", number(cap, "trainings"))),
        ),
        (
            "peer.*.online_ids_per_day",
            online_ids_per_day.map(|cap| format!("It has {} predicted online a day", number(cap, "ids"))),
        ),
        (
            "peer.*.hours",
            hours.as_ref().map(|hours| format!("Jobs with it are accepted and go on at: {}", days(hours))),
        ),
        ("peer.*.until", until.map(|until| format!("The last day of jobs with it: {until}"))),
    ];
    let said = said
        .into_iter()
        .filter_map(|(place, text)| Some((place, text?)))
        .collect();
    chapter(
        format!("In jobs with party {peer}, in place of the general rules"),
        said,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::settings::{settings, whole};
    use vocabulary::PartyId;

    fn of(rules: Rules) -> String {
        let policy = Policy::new(PartyId::new("1").expect("valid"), rules);
        policy
            .explain()
            .into_iter()
            .map(|chapter| format!("{}\n{}\n", chapter.heading, chapter.sentences.join("\n")))
            .collect()
    }

    #[test]
    fn every_setting_has_its_sentence() {
        let said = of(whole(Rules::default()).expect("rules"));
        let missing: Vec<String> = settings()
            .into_iter()
            .filter(|place| !said.contains(&format!("[{place}]")))
            .collect();
        assert!(missing.is_empty(), "nothing is said of {missing:?}");
        // And nothing is said of what is no setting.
        assert_eq!(said.matches('[').count(), settings().len());
    }

    #[test]
    fn another_rule_is_another_sentence() {
        let default =
            toml::Value::try_from(whole(Rules::default()).expect("rules")).expect("written");
        let before = of(whole(Rules::default()).expect("rules"));
        for place in settings() {
            let keys: Vec<&str> = place
                .split('.')
                .map(|key| if key == "*" { "1" } else { key })
                .collect();
            let mut changed = default.clone();
            let mut at = &mut changed;
            for key in &keys {
                at = &mut at[*key];
            }
            *at = match at {
                toml::Value::Boolean(on) => toml::Value::Boolean(!*on),
                toml::Value::Integer(number) => toml::Value::Integer(*number + 1),
                toml::Value::Array(_) if place.ends_with("hours") => {
                    toml::Value::try_from(["01:00-02:00"]).expect("hours")
                }
                toml::Value::Array(_) if place.ends_with("disclosures") => {
                    toml::Value::try_from(["masked"]).expect("words")
                }
                toml::Value::Array(_) => toml::Value::try_from(["other"]).expect("names"),
                toml::Value::Table(_) => toml::Value::try_from(
                    [("u", ["d"])]
                        .into_iter()
                        .collect::<std::collections::BTreeMap<_, _>>(),
                )
                .expect("columns"),
                toml::Value::String(_) if place.ends_with("until") => "2027-03-31".into(),
                toml::Value::String(word) if word == "any" => toml::Value::Integer(7),
                toml::Value::String(word) if word == "trust" => "rekey".into(),
                toml::Value::String(_) => "warn".into(),
                other => panic!("{place}: {other}"),
            };
            let rules: Rules = changed.try_into().expect(&place);
            assert_ne!(of(rules), before, "{place}");
        }
    }
}
