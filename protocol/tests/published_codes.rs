//! `PROTOCOL.md` is what others program against: its table and the enum are the same list in the same order.

use qcert_protocol::ErrorCode;

#[test]
fn the_published_table_of_codes_is_the_enum() {
    let published: Vec<(String, String, u16)> = include_str!("../PROTOCOL.md")
        .split("| code | part | HTTP | meaning |")
        .nth(1)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_owned(), cells[2].to_owned(), cells[3].parse().unwrap_or(0))
        })
        .collect();
    let ours: Vec<(String, String, u16)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.as_str().to_owned(), code.part().name().to_owned(), code.http_status()))
        .collect();
    assert_eq!(published, ours);
}
