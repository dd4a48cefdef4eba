//! Two people at once.

use std::rc::Rc;

use anyhow::Result;
use qcert_journeys::{Journey, Portal, Workstation, journey, screens::list};

/// The second person of `demo/applications.json`.
const OTHER_PHONE: &str = "+7 912 000 0217";

#[tokio::test]
async fn two_people_at_once_see_their_own_rows_and_nobody_elses() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let portal = Rc::new(Portal::start(&directory.path().join("portal"), journey::QUICK)?);
    let mut people = Vec::new();
    for (name, phone) in [("first", journey::PHONE), ("second", OTHER_PHONE)] {
        let computer = Workstation::set_up(&directory.path().join(name), &portal)?;
        people.push(Journey::sit_down(portal.clone(), computer, phone).await?);
    }
    let mut seen = Vec::new();
    for person in &mut people {
        person.sign_in().await?;
        list::arrive(&person.browser).await?;
        seen.push(list::rows(&person.browser).await?);
    }
    let has = |rows: &[String], text: &str| rows.iter().filter(|row| row.contains(text)).count();
    assert_eq!((has(&seen[0], "Иванов"), has(&seen[0], "Петрова")), (4, 0));
    assert_eq!((has(&seen[1], "Иванов"), has(&seen[1], "Петрова")), (0, 2));

    // What one does is not told to the other.
    people[0].open_first().await?;
    people[0].make_request().await?;
    list::row(&people[1].browser, "можно запросить").await?;
    assert_eq!(has(&list::rows(&people[1].browser).await?, "готовится"), 0);

    // Nor can the other ask for it by its number.
    let ids = "fetch('/api/v1/applications').then((answer) => answer.json()).then((rows) => arguments[0](rows.map((row) => row.id)))";
    let ids: Vec<String> = people[0].browser.script_later(ids, vec![]).await?;
    let ask = "fetch(`/api/v1/applications/${arguments[0]}`).then((answer) => arguments[1](answer.status))";
    let status: u16 = people[1].browser.script_later(ask, vec![ids[0].clone().into()]).await?;
    assert_eq!(status, 404);
    Ok(())
}
