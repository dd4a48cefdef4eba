//! `schemathesis` reads the description of a running server and asks for every operation what it promises and what it
//! forbids: as nobody, as a holder and as an operator with every role. Its seed is printed, and the same unless
//! `QCERT_SCHEMATHESIS_SEED` names another, so that what one change finds is of that change; `random` draws one.

#[cfg(test)]
#[allow(dead_code)]
#[path = "../command_line/support.rs"]
mod support;
#[cfg(test)]
#[path = "../../../pki/tests/pki/tools.rs"]
mod tools;
#[cfg(test)]
mod world;

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        process::Command,
    };

    use qcert_test_postgres::Database;
    use serde_json::Value;

    use crate::{tools::program, world::World};

    /// What ends the session or the token that a run lives on is asked for last.
    const LAST: [&str; 3] = ["delete_session", "delete_sessions", "delete_operator_operators_name"];

    /// Runs it, and answers the statuses that each operation answered.
    fn run(world: &World, headers: &[String], which: &[&str], name: &str) -> BTreeMap<String, BTreeSet<u64>> {
        let report = format!("{name}.ndjson");
        let mut command = Command::new(program("schemathesis", "schemathesis"));
        command.current_dir(world.directory()).args(["--config-file", "schemathesis.toml", "run"]);
        command.args(["openapi.json", "--url", &world.url("")]).args(["--no-color", "--report-ndjson-path", &report]);
        command.args(headers.iter().flat_map(|header| ["--header", header])).args(which);
        let seed = std::env::var("QCERT_SCHEMATHESIS_SEED").unwrap_or_else(|_| "1".to_owned());
        if seed != "random" {
            command.args(["--seed", &seed]);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        println!("{}", text.lines().find(|line| line.starts_with("Seed:")).unwrap_or("no seed"));
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        statuses(&std::fs::read_to_string(world.directory().join(report)).unwrap())
    }

    fn statuses(report: &str) -> BTreeMap<String, BTreeSet<u64>> {
        let mut found = BTreeMap::<String, BTreeSet<u64>>::new();
        for line in report.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let recorder = &event["ScenarioFinished"]["recorder"];
            let Some(interactions) = recorder["interactions"].as_object() else { continue };
            let came = interactions.values().filter_map(|it| it["response"]["status_code"].as_u64());
            found.entry(recorder["label"].as_str().unwrap().to_owned()).or_default().extend(came);
        }
        found
    }

    /// Every operation, what ends the run's own session or token in a run of its own.
    fn whole(world: &World, headers: &[String]) -> BTreeMap<String, BTreeSet<u64>> {
        let others = LAST.iter().flat_map(|id| ["--exclude-operation-id", id]).collect::<Vec<_>>();
        let mut found = run(world, headers, &others, "others");
        let last = LAST.iter().flat_map(|id| ["--include-operation-id", id]).collect::<Vec<_>>();
        found.extend(run(world, headers, &last, "last"));
        let asked: BTreeSet<&String> =
            found.iter().filter(|(_, statuses)| !statuses.is_empty()).map(|it| it.0).collect();
        let described = world.operations();
        assert!(described.len() > 45 && asked == described.iter().collect(), "{asked:#?} {described:#?}");
        found
    }

    fn as_a_holder(world: &World) {
        let found = whole(world, &[format!("Cookie: {}", world.cookie), format!("Origin: {}", world.url(""))]);
        // It was signed in, and met things that are there.
        for operation in ["/session", "/applications", "/applications/{id}", "/certificates", "/certificates/{id}/file"]
        {
            let statuses = &found[&format!("GET /api/v1{operation}")];
            assert!(statuses.contains(&200), "{operation}: {statuses:?}");
        }
    }

    fn as_an_operator(world: &World) {
        let found = whole(world, &[format!("Authorization: Bearer {}", world.token)]);
        for operation in
            ["GET /session", "POST /search", "GET /applications/{number}", "GET /certificates/{serial}", "GET /audit"]
        {
            let statuses = &found[&operation.replace(' ', " /api/v1/operator")];
            assert!(statuses.contains(&200), "{operation}: {statuses:?}");
        }
    }

    #[test]
    fn nobody_finds_what_the_description_does_not_say() {
        let world = World::new(None);
        let found = whole(&world, &[]);
        assert_eq!(found["GET /api/v1/operator/audit"], BTreeSet::from([401, 405]));
    }

    #[test]
    fn a_holder_finds_nothing_that_the_description_does_not_say() {
        as_a_holder(&World::new(None));
    }

    #[test]
    fn an_operator_finds_nothing_that_the_description_does_not_say() {
        as_an_operator(&World::new(None));
    }

    #[test]
    fn on_postgresql_a_holder_and_an_operator_find_no_more() {
        let database = Database::new().unwrap();
        let world = World::new(Some(database.url()));
        as_an_operator(&world);
        as_a_holder(&world);
    }
}
