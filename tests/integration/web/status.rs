//! Tenants that are not served.

use std::time::Duration;

use super::{ACME, Framework, GLOBEX, MAIN, TestApp};

on_each_framework!(only_active_tenants_are_served,);

async fn only_active_tenants_are_served(framework: Framework) {
    let app = TestApp::start_that_remembers_hosts_for(framework, Duration::ZERO).await;
    for (status, answer, word) in [
        ("suspended", 403, "suspended"),
        ("maintenance", 503, "worked on"),
        ("provisioning", 503, "worked on"),
        ("archived", 404, "Not Found"),
        ("dropping", 404, "Not Found"),
    ] {
        set_status(&app, status).await;
        for path in ["/", "/api/notes", "/api/whoami", "/style.css"] {
            let refused = app.get(ACME, path).await.expect(answer);
            assert!(refused.text.contains(word), "{refused:?}");
        }
        app.submit(ACME, "/notes", &[("title", "Anvils")])
            .await
            .expect(answer);
        app.get(GLOBEX, "/").await.expect(200);
        let landing = app.get(MAIN, "/").await.expect(200).text;
        assert!(landing.contains(GLOBEX) && !landing.contains(ACME), "{landing}");
    }

    set_status(&app, "active").await;
    assert_eq!(app.get(ACME, "/api/notes").await.expect(200).text, "[]");
}

async fn set_status(app: &TestApp, status: &str) {
    let sql = format!("UPDATE public.tenants SET status = '{status}' WHERE schema_name = 'acme'");
    app.database.execute(&sql).await;
}
