//! `generate entity`: entities of the tables of a tenant and of the shared schema.

use std::{fs, path::Path};

use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};
use tests::connection_of;

use super::*;

/// The generated files, as they are expected. They are compiled here, and work on a tenant's connection.
#[expect(unreachable_pub, reason = "they are as SeaORM's generator writes them")]
mod generated;

use generated::{
    lib_author, lib_book, lib_language,
    sea_orm_active_enums::{LibGenre, LibMood},
};

const TABLES: Sql = Sql::new(
    "m1_create_library",
    "CREATE TYPE lib_genre AS ENUM ('novel', 'poem');
     CREATE TABLE lib_author (id serial PRIMARY KEY, name text NOT NULL UNIQUE, mentor_id int REFERENCES lib_author);
     CREATE TABLE lib_book (
        id bigserial PRIMARY KEY,
        title varchar(200) NOT NULL,
        author_id int NOT NULL REFERENCES lib_author ON DELETE CASCADE,
        genre lib_genre,
        mood public.lib_mood NOT NULL,
        moods public.lib_mood[] NOT NULL DEFAULT '{}',
        language text NOT NULL REFERENCES public.lib_language (code),
        letters int GENERATED ALWAYS AS (length(title)) STORED
     );
     CREATE TABLE lib_tag (id serial PRIMARY KEY, name text NOT NULL);
     CREATE TABLE lib_book_tag (
        book_id bigint REFERENCES lib_book, tag_id int REFERENCES lib_tag, PRIMARY KEY (book_id, tag_id)
     );
     CREATE TABLE lib_loan (book_id bigint, year int, PRIMARY KEY (book_id, year)) PARTITION BY RANGE (year);
     CREATE TABLE lib_loan_2026 PARTITION OF lib_loan FOR VALUES FROM (2026) TO (2027)",
    "",
);

const SHARED_TABLES: &str = "CREATE TYPE public.lib_mood AS ENUM ('calm', 'busy');
    CREATE TABLE public.lib_language (code text PRIMARY KEY, name text NOT NULL)";

/// Creates the tenants acme and globex. Constraints of globex have the names of acme's, and other targets.
async fn library() -> TestDatabase {
    let migrations = with([TABLES]);
    let (db, connection) = with_tenants(&migrations, &[]).await;
    db.execute(SHARED_TABLES).await;
    for name in ["acme", "globex"] {
        create_tenant(&connection, &migrations, &new(name)).await.unwrap();
    }
    db.execute(
        "ALTER TABLE globex.lib_book DROP CONSTRAINT lib_book_language_fkey, ADD CONSTRAINT lib_book_language_fkey
            FOREIGN KEY (language) REFERENCES public.plan (code)",
    )
    .await;
    db
}

async fn generate(db: &TestDatabase, folder: &Path, words: &[&str]) -> (String, Result<(), CliError>) {
    let first = ["generate", "entity", "-o", folder.to_str().unwrap()];
    cli(db, &with([TABLES]), &[&first, words].concat()).await
}

fn read(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = files
        .map(|file| {
            (
                file.file_name().into_string().unwrap(),
                fs::read_to_string(file.path()).unwrap(),
            )
        })
        .collect();
    files.sort_unstable();
    files
}

#[tokio::test]
async fn entities_have_their_scope_and_their_relations() {
    let (folder, db) = (TempDir::create("entities"), library().await);
    let (_, result) = generate(&db, &folder.0, &["-s", "acme", "--ignore-tables", "public.plan"]).await;
    result.unwrap();
    let expected =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/migrations/generate_entity/generated");
    if std::env::var_os("WRITE_GENERATED").is_some() {
        for (name, text) in read(&folder.0) {
            fs::write(expected.join(name), text).unwrap();
        }
    }
    for (found, expected) in read(&folder.0).iter().zip(&read(&expected)) {
        assert_eq!(found.0, expected.0);
        assert_eq!(found.1, expected.1, "{}", found.0);
    }
    assert_eq!(read(&folder.0).len(), read(&expected).len());
}

/// The files of the test before, compiled.
#[tokio::test]
async fn generated_entities_read_and_write_a_tenant() {
    let db = library().await;
    db.execute("INSERT INTO public.lib_language VALUES ('en', 'English')")
        .await;
    let acme = connection_of(&db.tenants().await, "acme").await;
    let author = lib_author::ActiveModel {
        name: Set("Ann".to_owned()),
        ..Default::default()
    };
    let author = author.insert(&acme).await.unwrap();
    let book = lib_book::ActiveModel {
        title: Set("A book".to_owned()),
        author_id: Set(author.id),
        genre: Set(Some(LibGenre::Poem)),
        mood: Set(LibMood::Calm),
        moods: Set(vec![LibMood::Calm, LibMood::Busy]),
        language: Set("en".to_owned()),
        ..Default::default()
    };
    book.insert(&acme).await.unwrap();
    let books = lib_book::Entity::find()
        .find_also_related(lib_language::Entity)
        .all(&acme)
        .await
        .unwrap();
    let [(book, Some(language))] = &books[..] else {
        panic!("{books:?}");
    };
    assert_eq!(
        (book.genre.as_ref(), &book.mood),
        (Some(&LibGenre::Poem), &LibMood::Calm)
    );
    assert_eq!(language.name, "English");
    let authors = lib_book::Entity::find()
        .find_also_related(lib_author::Entity)
        .all(&acme)
        .await
        .unwrap();
    assert_eq!(authors[0].1.as_ref().unwrap().name, "Ann");
}

#[tokio::test]
async fn what_cannot_be_an_entity_is_told() {
    let (folder, db) = (TempDir::create("entities-refused"), library().await);
    let error = async |words: &[&str]| generate(&db, &folder.0, words).await.1.unwrap_err();
    assert!(matches!(error(&[]).await, CliError::NoSchemaForEntities));
    assert!(matches!(
        error(&["-s", "nobody"]).await,
        CliError::NoSuchSchema { .. }
    ));

    db.execute("CREATE TABLE public.lib_tag ()").await;
    let twice = error(&["-s", "acme"]).await.to_string();
    assert!(
        twice.contains("both have a table lib_tag") && twice.contains("--ignore-tables"),
        "{twice}"
    );

    db.execute("CREATE TABLE acme.\"1st\" (id int)").await;
    let ignore = ["-s", "acme", "--ignore-tables", "public.lib_tag"];
    let named = error(&ignore).await.to_string();
    assert!(named.contains("the entities were not generated"), "{named}");
    assert!(read(&folder.0).is_empty(), "nothing was written");
}

#[tokio::test]
async fn files_are_kept_unless_told_otherwise() {
    let (folder, db) = (TempDir::create("entities-kept"), library().await);
    db.execute(
        "CREATE SCHEMA reference; CREATE TABLE reference.place (id int PRIMARY KEY);
         ALTER TABLE acme.lib_tag ADD place int CONSTRAINT of_place REFERENCES reference.place",
    )
    .await;
    let tags = [
        "-s",
        "acme",
        "--tables",
        "lib_tag,lib_author",
        "--with-serde",
        "serialize",
    ];
    let (out, result) = generate(&db, &folder.0, &tags).await;
    result.unwrap();
    assert!(
        out.contains("left out the foreign key of_place of acme.lib_tag to reference.place"),
        "{out}"
    );
    assert_eq!(out.matches("wrote ").count(), 3, "{out}");
    let tag = folder.0.join("lib_tag.rs");
    let text = fs::read_to_string(&tag).unwrap();
    assert!(text.contains("Serialize"), "{text}");

    fs::write(&tag, "// mine").unwrap();
    let (out, result) = generate(&db, &folder.0, &tags).await;
    result.unwrap();
    assert_eq!(out.matches("kept ").count(), 3, "{out}");
    assert_eq!(fs::read_to_string(&tag).unwrap(), "// mine");
    generate(&db, &folder.0, &[&tags[..], &["--overwrite"]].concat())
        .await
        .1
        .unwrap();
    assert_eq!(fs::read_to_string(&tag).unwrap(), text);

    // In a folder `src`, the list of the entities is `lib.rs`.
    let source = folder.0.join("src");
    generate(&db, &source, &["-s", "public", "--tables", "plan"])
        .await
        .1
        .unwrap();
    let names: Vec<_> = read(&source).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["lib.rs", "plan.rs"]);
}
