//! The pages.

use super::{ACME, Framework, GLOBEX, MAIN, TestApp};

on_each_framework!(
    notes_are_written_changed_and_deleted_by_forms,
    a_form_comes_back_with_the_reason_and_what_was_typed,
    what_people_write_is_escaped,
    what_is_not_there_is_a_page_too,
    pages_bring_their_style,
);

async fn notes_are_written_changed_and_deleted_by_forms(framework: Framework) {
    let app = TestApp::start(framework).await;
    let fields = [("title", "Anvils"), ("body", "one\r\ntwo"), ("plan", "team")];
    let answer = app.submit(ACME, "/notes", &fields).await.expect(303);
    assert_eq!(answer.header("location"), "/#note-1");
    let page = app.get(ACME, "/").await.expect(200).text;
    assert!(
        page.contains("<h2>Anvils</h2>") && page.contains("one\ntwo"),
        "{page}"
    );
    assert!(!app.get(GLOBEX, "/").await.expect(200).text.contains("Anvils"));

    let form = app.get(ACME, "/notes/1/edit").await.expect(200).text;
    assert!(form.contains("value=\"Anvils\""), "{form}");
    assert!(form.contains("<option value=\"team\" selected>"), "{form}");
    let fields = [("title", "Hammers"), ("body", ""), ("plan", "free")];
    app.submit(ACME, "/notes/1", &fields).await.expect(303);
    let page = app.get(ACME, "/").await.expect(200).text;
    assert!(
        page.contains("<h2>Hammers</h2>") && !page.contains("Anvils"),
        "{page}"
    );

    let answer = app.submit(ACME, "/notes/1/delete", &[]).await.expect(303);
    assert_eq!(answer.header("location"), "/");
    assert!(!app.get(ACME, "/").await.expect(200).text.contains("Hammers"));
}

async fn a_form_comes_back_with_the_reason_and_what_was_typed(framework: Framework) {
    let app = TestApp::start(framework).await;
    app.submit(ACME, "/notes", &[("title", "Anvils")])
        .await
        .expect(303);
    for path in ["/notes", "/notes/1"] {
        let fields = [("title", " "), ("body", "typed & kept"), ("plan", "team")];
        let page = app.submit(ACME, path, &fields).await.expect(422).text;
        assert!(page.contains("A note needs a title."), "{page}");
        assert!(page.contains("typed &#38; kept</textarea>"), "{page}");
        assert!(page.contains("<option value=\"team\" selected>"), "{page}");
    }
}

async fn what_people_write_is_escaped(framework: Framework) {
    let app = TestApp::start(framework).await;
    let script = "</textarea><script>alert(1)</script>\" onfocus=\"alert(2)";
    let fields = [("title", script), ("body", script), ("plan", "free")];
    app.submit(ACME, "/notes", &fields).await.expect(303);
    for path in ["/", "/notes/1/edit"] {
        let page = app.get(ACME, path).await.expect(200);
        assert!(!page.text.contains("<script"), "{}", page.text);
        assert!(!page.text.contains("\" onfocus"), "{}", page.text);
        assert!(page.text.contains("&#60;script&#62;"), "{}", page.text);
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'")
        );
    }
}

async fn what_is_not_there_is_a_page_too(framework: Framework) {
    let app = TestApp::start(framework).await;
    for (host, path) in [
        (MAIN, "/x"),
        (ACME, "/x"),
        (ACME, "/notes/1/edit"),
        (ACME, "/notes/one/edit"),
    ] {
        let page = app.get(host, path).await.expect(404);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text.contains("This page does not exist"), "{}", page.text);
    }
    app.submit(ACME, "/notes/1", &[("title", "Anvils")])
        .await
        .expect(404);
    app.submit(ACME, "/notes/1/delete", &[]).await.expect(404);
    app.submit(ACME, "/", &[]).await.expect(405);
}

async fn pages_bring_their_style(framework: Framework) {
    let app = TestApp::start(framework).await;
    for host in [MAIN, ACME] {
        let page = app.get(host, "/").await.expect(200).text;
        let (_, rest) = page
            .split_once("rel=\"stylesheet\" href=\"")
            .expect("a style sheet");
        let (path, _) = rest.split_once('"').expect("its path");
        let style = app.get(host, path).await.expect(200);
        assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
        let icon = app.get(host, "/icon.svg").await.expect(200);
        assert_eq!(icon.header("content-type"), "image/svg+xml");
    }
}
