//! Rejections in the application's words.

use tenant_core::resolve::Resolver;

use super::{FRAMEWORKS, STRANGER, Server, database, get, get_at, send_from, uncached};

#[tokio::test]
async fn the_application_words_each_rejection() {
    let database = database().await;
    database
        .execute("UPDATE tenants SET status = 'suspended' WHERE schema_name = 'globex'")
        .await;
    let resolver = Resolver::default().guard(|head, _| std::future::ready(head.path() != "/secret"));
    for framework in FRAMEWORKS {
        let server = Server::start_worded(framework, uncached(&database).await, resolver.clone());
        for (request, status, words) in [
            (
                get_at("nobody.test", "/"),
                404,
                "worded: no tenant has this host or name (GET)",
            ),
            (get_at("a..b", "/"), 400, "worded: the host has a label"),
            (
                get_at("globex.example.com", "/"),
                403,
                "worded: the tenant is suspended (GET)",
            ),
            (
                get_at("acme.example.com", "/secret"),
                403,
                "worded: the session or token",
            ),
        ] {
            let answer = send_from(STRANGER, server.address, &request).await;
            assert_eq!(answer.status, status, "{framework:?}: {answer:?}");
            assert!(
                answer.head.to_ascii_lowercase().contains("x-worded: yes"),
                "{framework:?}: {answer:?}"
            );
            assert!(answer.body.starts_with(words), "{framework:?}: {answer:?}");
        }
        let served = send_from(STRANGER, server.address, &get_at("acme.example.com", "/whoami")).await;
        assert!(served.body.starts_with("acme "), "{framework:?}: {served:?}");
    }
}

#[tokio::test]
async fn an_answer_by_default_repeats_nothing_of_the_request() {
    let database = database().await;
    for framework in FRAMEWORKS {
        let server = Server::start(framework, uncached(&database).await, Resolver::default());
        for lines in [
            ["Host: mark.test", "x-mark: mark"],
            ["Host: mark..test", "x-mark: mark"],
        ] {
            let answer = send_from(STRANGER, server.address, &get("/mark?mark", &lines)).await;
            let text = format!("{}{}", answer.head, answer.body);
            assert!(!text.contains("mark"), "{framework:?}: {answer:?}");
            assert!(text.contains("text/plain"), "{framework:?}: {answer:?}");
        }
    }
}
