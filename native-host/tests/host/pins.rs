//! PINs as people choose them.

use serde_json::{Value, json};

use crate::workplace::{PIN, Workplace, request_params};

#[test]
fn a_pin_of_letters_cyrillic_spaces_and_signs_opens_the_token() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let mut old = PIN.to_owned();
    for new in ["correct horse", "ключ от дома", "  two  spaces ", r#""quoted" \ 1"#, "😀😀😀", &"ю".repeat(127)]
    {
        browser.ask("changePin", json!({"token": token}), json!({"pin": old, "newPin": new}));
        new.clone_into(&mut old);
    }
    browser.ask("createRequest", request_params(&token, "P-256"), json!({"pin": old}));
}

#[test]
fn a_pin_that_is_too_short_or_too_long_costs_no_try() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    // SoftHSM takes 4 to 255 bytes; longer ones are in no frame.
    for (pin, code) in
        [("я", "pin_length_invalid"), ("123", "pin_length_invalid"), (&"ю".repeat(128), "frame_malformed")]
    {
        let error = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": pin}));
        assert_eq!(error["code"], code, "{pin}");
        let change = json!({"pin": PIN, "newPin": pin});
        assert_eq!(browser.refused("changePin", json!({"token": token}), change)["code"], code, "{pin}");
    }
    let listed = browser.ask("listTokens", Value::Null, Value::Null);
    assert_eq!(listed["readers"][0]["token"]["pin"]["tries"], "full");
}
