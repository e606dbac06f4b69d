//! Rows that are another's, or one too many, or cannot be read: none is left behind, and none holds up another.

use super::*;

impl Bench {
    /// How often the challenge's record was asked for.
    fn asked(&self) -> usize {
        self.dns.asked().iter().filter(|asked| asked.starts_with("TXT")).count()
    }
}

/// Two clients' words at once: the attempt is the first one's, the row the second one's.
#[tokio::test(start_paused = true)]
async fn the_row_of_another_answer_goes_with_its_challenge() {
    for (publish, reads_first) in [(true, false), (true, true), (false, true)] {
        let bench = Bench::new().await;
        let (queue, inbox) = Queue::new();
        let mut inbox = Some(inbox);
        // What was read before the row was written does not tell of it.
        let mut _worker = reads_first.then(|| bench.start(inbox.take().unwrap()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (due, attempt) = bench.answered(7).await;
        if publish {
            bench.publish(&attempt);
        }
        let first = Due { at: due.at - Duration::from_millis(1), ..due };
        tokio::join!(queue.attempt(first, attempt.clone(), Duration::from_millis(1)), async {
            queue.push(due, attempt.clone());
        });
        if let Some(inbox) = inbox {
            _worker = Some(bench.start(inbox));
        }
        if !publish {
            while bench.rows().await.len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // An attempt that has its row already is older news than the one that was put off.
            queue.push(due, attempt);
        }
        let settled = bench.settled(&due).await;
        assert_eq!(settled.status == AuthorizationStatus::Valid, publish);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(bench.rows().await.is_empty() && queue.is_empty());
        assert_eq!(bench.asked(), if publish { 1 } else { 3 });
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_rows_at_a_start_the_one_of_more_attempts_counts() {
    let bench = Bench::new().await;
    let (due, _) = bench.answered(7).await;
    let later = Due { at: due.at + Duration::from_secs(13), attempts: 2, ..due };
    let mut batch = Batch::new();
    validations::enqueue(&mut batch, &later);
    bench.store.commit(batch).await.unwrap();
    let (queue, inbox) = Queue::new();
    let (_worker, begun) = (bench.start(inbox), Instant::now());
    assert_eq!(bench.settled(&due).await.status, AuthorizationStatus::Invalid);
    assert!(begun.elapsed() >= Duration::from_secs(13));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.asked(), 1);
    assert!(bench.rows().await.is_empty() && queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_time_that_a_job_waits_for_no_more_starts_nothing() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let (_worker, begun) = (bench.start(inbox), Instant::now());
    let (due, attempt) = bench.answered(7).await;
    queue.push(Due { at: due.at + Duration::from_secs(5), ..due }, attempt.clone());
    tokio::time::sleep(Duration::from_millis(1)).await;
    queue.push(due, attempt);
    assert_eq!(bench.settled(&due).await.status, AuthorizationStatus::Invalid);
    assert!(begun.elapsed() >= Duration::from_secs(2 + 6), "{:?}", begun.elapsed());
    assert_eq!(bench.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_authorization_cannot_be_read_is_given_up_and_its_row_stays() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let (due, attempt) = bench.answered(7).await;
    let mut batch = Batch::new();
    batch.put(Table::Authorizations, Authorization::encode_key(&due.authorization), b"damaged".to_vec());
    bench.store.commit(batch).await.unwrap();
    queue.push(due, attempt);
    let _worker = bench.start(inbox);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(queue.is_empty());
    assert_eq!((bench.rows().await, bench.asked()), (vec![due], 0));
}

#[tokio::test(start_paused = true)]
async fn a_challenge_that_was_given_up_before_its_attempt_began_leaves_no_row_and_asks_nobody() {
    for handed_over_twice in [false, true] {
        let bench = Bench::new().await;
        let (queue, inbox) = Queue::new();
        let (due, attempt) = bench.answered(7).await;
        let seen = bench.store.load::<Authorization>(&due.authorization).await.unwrap().unwrap();
        let given_up = Authorization { status: AuthorizationStatus::Deactivated, ..seen.value.clone() };
        let mut batch = Batch::new();
        batch.replace(seen.version, &given_up).unwrap();
        bench.store.commit(batch).await.unwrap();
        if handed_over_twice {
            queue.attempt(due, attempt.clone(), Duration::from_millis(1)).await;
        }
        queue.push(due, attempt);
        let _worker = bench.start(inbox);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(bench.dns.asked().is_empty() && bench.rows().await.is_empty() && queue.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_over_or_cannot_be_read_hold_up_nobody_behind_them() {
    let bench = Bench::new().await;
    let (due, attempt) = bench.answered(7).await;
    bench.publish(&attempt);
    let mut batch = Batch::new();
    for number in 0..20_000_u32 {
        let authorization = AuthorizationId::from_bytes(u128::from(number).to_be_bytes());
        validations::enqueue(
            &mut batch,
            &Due {
                at: due.at - Duration::from_secs(1),
                authorization,
                challenge: ChallengeId::from_bytes(u128::from(number).to_be_bytes()),
                attempts: 0,
            },
        );
    }
    let damaged = AuthorizationId::from_bytes([9; 16]);
    batch.put(Table::Authorizations, Authorization::encode_key(&damaged), b"damaged".to_vec());
    let unreadable = Due { at: due.at - Duration::from_secs(2), authorization: damaged, ..due };
    validations::enqueue(&mut batch, &unreadable);
    bench.store.commit(batch).await.unwrap();
    let (_queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    let settled = tokio::time::timeout(Duration::from_secs(60), bench.settled(&due)).await;
    assert_eq!(settled.expect("it is reached").status, AuthorizationStatus::Valid);
    assert_eq!(bench.rows().await, [unreadable], "what cannot be read stays for whoever mends it");
}
