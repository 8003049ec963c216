//! Calls over a link: bodies both ways, refusals in the middle, and bytes that are no call at all.

use std::time::Duration;

use bytes::Bytes;
use pki::{ExpectedPeer, Kind};
use tokio::io::AsyncReadExt;
use transport::direct::SERVICE;
use transport::{Body, CallOptions, Connection, Endpoint, Link, LinkError};
use vocabulary::{ErrorCode, Fault, JobId};
use wire::agent_link::{DIRECT_MESSAGES, Reply, ToAgent};

use crate::federation::{Federation, PATIENCE, party};

/// Two connected ends, and what keeps them alive.
async fn ends() -> (Connection, Connection, (Federation, Endpoint, Endpoint)) {
    let federation = Federation::new();
    let (alice, _a) = federation.endpoint("alice", Kind::Agent, &[SERVICE]);
    let (bob, mut incoming) = federation.endpoint("bob", Kind::Agent, &[SERVICE]);
    let expected = ExpectedPeer {
        kind: Kind::Agent,
        party: Some(party("bob")),
    };
    let ours = alice
        .connect(
            &bob.local_address().unwrap().to_string(),
            DIRECT_MESSAGES,
            expected,
        )
        .await
        .unwrap();
    let theirs = incoming.recv().await.unwrap();
    assert_eq!(theirs.connection.peer().party, party("alice"));
    (ours, theirs.connection, (federation, alice, bob))
}

fn close() -> ToAgent {
    ToAgent::Close(JobId::new("job").unwrap())
}

#[tokio::test]
async fn bodies_go_both_ways() {
    let (ours, theirs, _keep) = ends().await;
    tokio::spawn(async move {
        Link::new(theirs)
            .serve(|call: ToAgent, mut body, answer| async move {
                assert!(matches!(call, ToAgent::Close(_)));
                let read = body.read_to_end(64 << 20).await.unwrap();
                answer
                    .reply(&Reply::Done, Body::Bytes(read.into()), PATIENCE)
                    .await
                    .unwrap();
            })
            .await
    });
    let link = Link::new(ours);
    for size in [0usize, 1, 100_000, 9_000_000] {
        let sent = Bytes::from((0..size).map(|i| (i / 3) as u8).collect::<Vec<u8>>());
        let (reply, mut body) = link
            .call(
                &close(),
                Body::Bytes(sent.clone()),
                CallOptions::bulk(PATIENCE),
            )
            .await
            .unwrap();
        assert_eq!(reply, Reply::Done);
        let mut back = Vec::new();
        AsyncReadExt::read_to_end(&mut body, &mut back)
            .await
            .unwrap();
        assert!(back == sent, "{size} bytes changed");
    }
}

#[tokio::test]
async fn a_refusal_reaches_a_caller_that_still_sends() {
    let (ours, theirs, _keep) = ends().await;
    tokio::spawn(async move {
        Link::new(theirs)
            .serve(|_: ToAgent, body, answer| async move {
                drop(body);
                let fault = Fault::new(ErrorCode::PermissionDenied, "no");
                answer
                    .reply(&Reply::Failed(fault), Body::Empty, PATIENCE)
                    .await
                    .unwrap();
            })
            .await
    });
    let body = Body::Bytes(vec![0; 50 << 20].into());
    let (reply, _) = Link::new(ours)
        .call(&close(), body, CallOptions::bulk(PATIENCE))
        .await
        .unwrap();
    assert!(matches!(reply, Reply::Failed(fault) if fault.code == ErrorCode::PermissionDenied));
}

#[tokio::test]
async fn malformed_and_oversized_frames_end_the_call_and_not_the_link() {
    let (ours, theirs, _keep) = ends().await;
    let serving = tokio::spawn(async move {
        Link::new(theirs)
            .serve(|_: ToAgent, _, answer| async move {
                answer
                    .reply(&Reply::Done, Body::Empty, PATIENCE)
                    .await
                    .unwrap()
            })
            .await
    });
    let raw = raw_connection(&ours);
    for bytes in [
        &b"\xff\xff\xff\xff"[..],
        b"\x00\x00\x00\x03\xc1\xc1\xc1",
        b"\x00\x00\x00\x09abc",
        b"\x00",
        b"",
    ] {
        let (mut send, mut receive) = raw.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        send.finish().unwrap();
        let reply: Reply = wire::frame::read_frame(&mut receive, 1 << 20)
            .await
            .unwrap();
        let Reply::Failed(fault) = reply else {
            panic!("{bytes:?} was taken")
        };
        assert!(
            matches!(fault.code, ErrorCode::FrameInvalid | ErrorCode::PeerTimeout),
            "{bytes:?}: {fault}"
        );
    }
    let (reply, _) = Link::new(ours)
        .call(&close(), Body::Empty, CallOptions::control(PATIENCE))
        .await
        .unwrap();
    assert_eq!(reply, Reply::Done);
    assert!(!serving.is_finished());
}

/// Frames that no `Link` would send, written on the connection below.
fn raw_connection(connection: &Connection) -> quinn::Connection {
    connection.quic().clone()
}

#[tokio::test]
async fn a_caller_that_gives_up_never_looks_finished() {
    let (ours, theirs, _keep) = ends().await;
    let serving = tokio::spawn(async move {
        let call = Link::new(theirs).accept::<ToAgent>().await.unwrap();
        let (_, mut body, _answer) = call.read().await.unwrap();
        body.read_to_end(64 << 20).await
    });
    let link = Link::new(ours);
    let body = Body::Bytes(vec![0; 30 << 20].into());
    let request = close();
    let call = link.call(&request, body, CallOptions::bulk(PATIENCE));
    let _ = tokio::time::timeout(Duration::from_millis(20), call).await;
    assert!(serving.await.unwrap().is_err());
}

#[tokio::test]
async fn a_reply_that_does_not_come_is_a_timeout_and_the_link_stays() {
    let (ours, theirs, _keep) = ends().await;
    tokio::spawn(async move {
        Link::new(theirs)
            .serve(|_: ToAgent, _, answer| async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                drop(answer);
            })
            .await
    });
    let link = Link::new(ours);
    let patience = Duration::from_millis(100);
    let error = link
        .call(&close(), Body::Empty, CallOptions::control(patience))
        .await
        .unwrap_err();
    assert!(matches!(error, LinkError::TimedOut { .. }), "{error}");
    assert!(!link.connection().is_lost());
}

#[tokio::test]
async fn a_lost_link_ends_the_calls_on_it() {
    let (ours, theirs, (_federation, _alice, bob)) = ends().await;
    let serving = tokio::spawn(async move {
        Link::new(theirs)
            .serve(|_: ToAgent, _, answer| async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                drop(answer);
            })
            .await
    });
    let link = Link::new(ours);
    let call = close();
    let (called, ()) = tokio::join!(
        link.call(&call, Body::Empty, CallOptions::control(PATIENCE)),
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            bob.close("going home").await;
        }
    );
    let error = called.unwrap_err();
    assert!(
        matches!(&error, LinkError::Lost { detail, .. } if detail.contains("going home")),
        "{error}"
    );
    assert!(matches!(serving.await.unwrap(), LinkError::Lost { .. }));
}

#[tokio::test]
async fn few_large_requests_are_held_at_once_and_small_ones_pass_them() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (ours, theirs, _keep) = ends().await;
    let (served, release) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(tokio::sync::Notify::new()),
    );
    let (counted, released) = (served.clone(), release.clone());
    tokio::spawn(async move {
        Link::new(theirs)
            .serve(move |call: ToAgent, _, answer| {
                let (served, release) = (counted.clone(), released.clone());
                async move {
                    if matches!(call, ToAgent::Cancel { .. }) {
                        served.fetch_add(1, Ordering::SeqCst);
                        release.notified().await;
                    }
                    answer
                        .reply(&Reply::Done, Body::Empty, PATIENCE)
                        .await
                        .unwrap();
                }
            })
            .await
    });
    let link = Link::new(ours);
    let large = || {
        let task = vocabulary::TaskId {
            job: JobId::new("job").unwrap(),
            step: vocabulary::StepName::new("s").unwrap(),
            role: vocabulary::Role::Guest,
            party: party("bob"),
        };
        let reason = Fault::new(ErrorCode::Canceled, "x".repeat(100_000));
        let call = ToAgent::Cancel {
            task,
            attempt: vocabulary::Attempt(0),
            reason,
        };
        let link = link.clone();
        tokio::spawn(async move {
            link.call(&call, Body::Empty, CallOptions::control(PATIENCE))
                .await
                .unwrap()
                .0
        })
    };
    let calls: Vec<_> = (0..9).map(|_| large()).collect();
    let eight = async {
        while served.load(Ordering::SeqCst) < 8 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, eight)
        .await
        .expect("eight are let in");
    // the ninth has time to come in, and must not
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(served.load(Ordering::SeqCst), 8);
    let (reply, _) = link
        .call(&close(), Body::Empty, CallOptions::control(PATIENCE))
        .await
        .unwrap();
    assert_eq!(reply, Reply::Done);
    while served.load(Ordering::SeqCst) < 9 {
        release.notify_waiters();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    release.notify_one();
    for call in calls {
        assert_eq!(call.await.unwrap(), Reply::Done);
    }
}
