//! The checklist of a component, in one line of its tests.

/// Makes the tests that every component of its kind has, as a module `checklist`. Each of them can fail; what only the component's
/// author knows (that it agrees with the plain computation, how several hosts go) is written beside it.
///
/// A component that sends messages is played by the given federation. Each refused parameter is put among those of the federation;
/// `speaks` has the runs in which every declared message is sent, where the one federation does not show them all; `least` is how
/// often `work` asks at least whether it is still wanted. To find it, give `work` a table of many partitions or columns, write a
/// `least` that is too high, run the test, which says how often it asked, and write something below that. (Every partition and every
/// column asks, so a number about as large as theirs shows that the work itself asks, not only what is around it.)
///
/// ```text
/// component_kit::checklist!(HeteroDataSplit, federation(1),
///     refuses: [(json!({"train_size": 2}), "train_size")],
///     canaries: ["canary-4d"], [31.25],
///     speaks: [federation(1), applying()],
///     work: large(), least: 50);
/// ```
///
/// One that sends none is `local`. Each [`LocalTransform`](crate::LocalTransform) needs the line `work:`. Canaries can be left out where it never sees a row; where what it applies its model to is not
/// what it was fitted on, `applying` says so:
///
/// ```text
/// component_kit::checklist!(local FeatureScale, federation(1),
///     refuses: [(json!({"mode": "wide"}), "mode")],
///     canaries: ["canary-4d"], [31.25],
///     applying: later(),
///     work: large(), least: 50);
/// ```
///
/// | test | federated | local |
/// |---|---|---|
/// | planted ids and values are in no message | `leaks_no_canary` | |
/// | every declared message is sent, no other | `speaks_only_its_messages` | |
/// | stopped at any message, all roles end | `stops_when_cancelled` | |
/// | repeated and late messages change nothing | `survives_duplicates_and_delays` | |
/// | stopped while its party does not answer, it ends | | `stops_while_it_waits` |
/// | stopped in the middle of work, it ends there | `stops_in_the_middle_of_work` | the same |
/// | two runs leave the same tables, models, reports and log | | `runs_twice_alike` |
/// | planted ids and values are in no report that hides it, and not in the log | | `puts_no_row_into_a_report` |
/// | what fit left, apply reads | | `applies_what_it_saved` |
/// | bad parameters are refused with their path | `refuses_bad_parameters` | the same |
/// | unknown parameters and other types are refused | `refuses_what_it_does_not_declare` | the same |
#[macro_export]
macro_rules! checklist {
    (
        local $component:ty, $federation:expr, refuses: [$($case:expr),+ $(,)?]
        $(, canaries: [$($id:expr),* $(,)?], $values:expr)?
        $(, applying: $applying:expr)?
        $(, work: $work:expr, least: $least:expr)?
        $(,)?
    ) => {
        mod checklist {
            #[allow(unused_imports, reason = "not every line of it names something")]
            use super::*;
            use $crate::harness::checks;

            $crate::checklist!(@both $component, $federation, [$($case),+], [$($work, $least)?]);

            #[tokio::test]
            async fn stops_while_it_waits() {
                checks::stops_while_it_waits::<$component>(&$federation).await;
            }

            #[tokio::test]
            async fn runs_twice_alike() {
                checks::runs_twice_alike::<$component>(&$federation).await;
            }

            $(
                #[tokio::test]
                async fn puts_no_row_into_a_report() {
                    let (ids, values): (&[&str], &[f64]) = (&[$($id),*], &$values);
                    checks::puts_no_row_into_a_report::<$component>(&$federation, ids, values)
                        .await;
                }
            )?

            #[tokio::test]
            async fn applies_what_it_saved() {
                #[allow(unused_mut, unused_assignments, reason = "not everywhere it is said")]
                let mut later = None;
                $( later = Some($applying); )?
                checks::applies_what_it_saved::<$component>(&$federation, later).await;
            }
        }
    };
    (@both $component:ty, $federation:expr, [$($case:expr),*], [$($work:expr, $least:expr)?]) => {
        #[test]
        fn refuses_bad_parameters() {
            checks::refuses::<$component>(&$federation, &[$($case),*]);
        }

        #[test]
        fn refuses_what_it_does_not_declare() {
            checks::refuses_what_it_does_not_declare::<$component>();
        }

        $(
            #[tokio::test]
            async fn stops_in_the_middle_of_work() {
                checks::stops_in_the_middle_of_work::<$component>(&$work, $least).await;
            }
        )?
    };
    (
        $component:ty, $federation:expr, refuses: [$($case:expr),+ $(,)?],
        canaries: [$($id:expr),* $(,)?], $values:expr
        $(, speaks: [$($run:expr),+ $(,)?])?
        $(, work: $work:expr, least: $least:expr)?
        $(,)?
    ) => {
        mod checklist {
            #[allow(unused_imports, reason = "not every line of it names something")]
            use super::*;
            use $crate::harness::checks;

            $crate::checklist!(@both $component, $federation, [$($case),+], [$($work, $least)?]);

            #[tokio::test]
            async fn leaks_no_canary() {
                let (ids, values): (&[&str], &[f64]) = (&[$($id),*], &$values);
                checks::leaks_no_canary::<$component>(&$federation, ids, values).await;
            }

            #[tokio::test]
            async fn speaks_only_its_messages() {
                let runs: &[$crate::harness::Federation] = &[$($($run),+)?];
                let plain = [$federation];
                let runs = if runs.is_empty() { &plain } else { runs };
                let mut played = Vec::new();
                for run in runs {
                    played.push(run.run::<$component>().await.all_succeeded());
                }
                let played: Vec<_> = played.iter().collect();
                checks::speaks_only_its_messages::<$component>(&played);
            }

            #[tokio::test]
            async fn stops_when_cancelled() {
                checks::stops_when_cancelled::<$component>(&$federation).await;
            }

            #[tokio::test]
            async fn survives_duplicates_and_delays() {
                checks::survives_duplicates_and_delays::<$component>(&$federation).await;
            }
        }
    };
}
