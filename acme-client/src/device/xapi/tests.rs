//! How commands are written for each transport, and that the same answer, state or refusal comes out of all three.

use serde_json::json;

use super::*;

const ADD: &[&str] = &["Security", "Certificates", "Services", "Add"];

fn add() -> Call {
    Call::new(ADD).with("IsEncrypted", "True").with_body("a <b>\n&c")
}

#[test]
fn a_command_is_written_as_each_transport_wants_it() {
    assert_eq!(
        xml::command(&add()).as_str(),
        "<Command><Security><Certificates><Services><Add command=\"True\"><IsEncrypted>True</IsEncrypted>\
         <body>a &lt;b&gt;\n&amp;c</body></Add></Services></Certificates></Security></Command>"
    );
    assert_eq!(
        rpc::command(&add(), 7).as_str(),
        r#"{"jsonrpc":"2.0","id":"7","method":"xCommand/Security/Certificates/Services/Add","params":{"IsEncrypted":"True","body":"a <b>\n&c"}}"#
    );
    let line =
        "xCommand Security Certificates Services Add IsEncrypted: \"True\" | resultId=\"7\"\na <b>\n&c\n";
    assert_eq!(tshell::command(&add(), 7).as_str(), format!("{{{}}} \n{line}", line.len()));
    let two = Call::new(&["Security", "Certificates", "Services", "Activate"])
        .with("Purpose", "WebexIdentity")
        .with("Fingerprint", "a\"b");
    assert_eq!(
        tshell::command(&two, 8).as_str(),
        "xCommand Security Certificates Services Activate Fingerprint: \"a\\\"b\" Purpose: \"WebexIdentity\" | resultId=\"8\"\n"
    );
}

#[test]
fn a_command_shows_its_names_and_no_value() {
    let shown = format!("{:?}", add().with("Secret", "c2VjcmV0"));
    assert_eq!(shown, "Security Certificates Services Add IsEncrypted: … Secret: … (with a body)");
}

#[test]
fn the_same_answer_comes_out_of_every_transport() {
    let expected = json!({
        "status": "OK",
        "Details": [{ "id": "1", "Fingerprint": "ce4e", "UsedFor": "SIP, HTTPS server" }],
        "Format": "Text",
    });
    let over_http = r#"<?xml version="1.0"?><Command><ServicesShowResult status="OK"><Details item="1" maxOccurrence="n"><Fingerprint>ce4e</Fingerprint><UsedFor>SIP, HTTPS server</UsedFor></Details><Format>Text</Format></ServicesShowResult></Command>"#;
    assert_eq!(xml::result(over_http), Ok(Ok(expected.clone())));
    let over_ws = json!({ "jsonrpc": "2.0", "id": "3", "result": expected }).to_string();
    assert_eq!(rpc::result(&over_ws, 3), Ok(Some(Ok(expected.clone()))));
    assert_eq!(rpc::result(&over_ws, 4), Ok(None));
    let over_ssh = json!({
        "CommandResponse": { "ServicesShowResult": {
            "status": "OK",
            "Details": [{ "id": "1", "Fingerprint": { "Value": "ce4e" }, "UsedFor": { "Value": "SIP, HTTPS server" } }],
            "Format": { "Value": "Text" },
        } },
        "ResultId": "3",
    });
    assert_eq!(tshell::result(over_ssh, 3), Ok(Some(Ok(expected))));
}

#[test]
fn the_same_state_comes_out_of_every_transport() {
    let path = ["Status", "Conference", "EndToEndEncryption", "Availability"];
    let over_http = "<Status product=\"x\"><Conference><EndToEndEncryption><Availability>Available</Availability></EndToEndEncryption></Conference></Status>";
    assert_eq!(xml::at(over_http, &path[1..]), Ok(Ok(json!("Available"))));
    let over_ssh = json!({
        "StatusResponse": { "Status": { "Conference": { "EndToEndEncryption": { "Availability": { "Value": "Available" } } } } },
        "ResultId": "1",
    });
    let answer = tshell::result(over_ssh, 1).unwrap().unwrap().unwrap();
    assert_eq!(tshell::at(answer, &path), json!("Available"));
    assert_eq!(xml::at("<EmptyResult/>", &path[1..]), Ok(Ok(json!(null))));
    let asked: serde_json::Value = serde_json::from_str(&rpc::get(&path[..2], 1)).unwrap();
    let wanted = json!({ "jsonrpc": "2.0", "id": "1", "method": "xGet", "params": { "Path": ["Status", "Conference"] } });
    assert_eq!(asked, wanted);
    assert_eq!(
        tshell::get(&path, 2),
        "xStatus Conference EndToEndEncryption Availability | resultId=\"2\"\n"
    );
}

#[test]
fn a_refusal_keeps_the_devices_words_and_makes_them_tame() {
    let refusal = Refusal { reason: "Unknown command (/Dila)".into(), code: None, parameter: false };
    let over_ssh = json!({
        "CommandResponse": { "Result": { "status": "Error", "Reason": { "Value": "Unknown command" }, "XPath": { "Value": "/Dila" } } },
        "ResultId": "1",
    });
    assert_eq!(tshell::result(over_ssh, 1), Ok(Some(Err(refusal.clone()))));
    assert!(refusal.is_unknown());
    let over_http = "<Command><AddResult status=\"Error\"><Reason>Bad\u{202e}\nkey</Reason><Code>key-mismatch</Code></AddResult></Command>";
    let refusal = xml::result(over_http).unwrap().unwrap_err();
    assert_eq!((refusal.reason.as_str(), refusal.code.as_deref()), ("Bad  key", Some("key-mismatch")));
    let over_ws =
        r#"{"jsonrpc":"2.0","id":"1","error":{"code":-32602,"message":"Invalid or missing parameters"}}"#;
    let refusal = rpc::result(over_ws, 1).unwrap().unwrap().unwrap_err();
    assert_eq!((refusal.reason.as_str(), refusal.parameter), ("Invalid or missing parameters", true));
    let inside = r#"{"jsonrpc":"2.0","id":"1","error":{"code":1,"message":"x","data":{"status":"Error","Reason":"No","Code":"in-use"}}}"#;
    let refusal = rpc::result(inside, 1).unwrap().unwrap().unwrap_err();
    assert_eq!((refusal.reason.as_str(), refusal.code.as_deref()), ("No", Some("in-use")));
}

#[test]
fn a_setting_that_cannot_have_its_value_is_told_by_every_transport() {
    for answer in [
        json!({ "Configuration": { "A": { "error": "True", "Value": "Bad usage" } }, "ResultId": "1" }),
        json!({ "Configuration": { "A": { "error": { "Value": "True" }, "Value": { "Value": "Bad usage" } } }, "ResultId": "1" }),
        json!({ "Configuration": { "status": "Error", "Reason": { "Value": "Bad usage" } }, "ResultId": "1" }),
    ] {
        let refusal = tshell::result(answer.clone(), 1).unwrap().unwrap().unwrap_err();
        assert_eq!(refusal.reason, "Bad usage", "{answer}");
    }
    assert_eq!(tshell::result(json!({ "ResultId": "1" }), 1).unwrap().unwrap(), Ok(json!({})));
    let over_http = "<Configuration><A error=\"True\">Bad usage</A></Configuration>";
    assert_eq!(xml::configured(over_http).unwrap().unwrap_err().reason, "Bad usage");
    assert_eq!(xml::configured("<Configuration><Success/></Configuration>"), Ok(Ok(())));
}

#[test]
fn what_is_no_answer_is_refused_and_nothing_is_expanded() {
    let deep = format!("<Command>{}{}</Command>", "<a>".repeat(100), "</a>".repeat(100));
    for text in [
        "",
        "<",
        "{}",
        &deep,
        "<!DOCTYPE a [<!ENTITY b \"c\">]><Command><AddResult>&b;</AddResult></Command>",
    ] {
        assert!(xml::result(text).is_err(), "{text}");
    }
    for text in ["", "[]", "x", r#"{"id":"1"}"#] {
        assert!(rpc::result(text, 1).is_err(), "{text}");
    }
    assert_eq!(tshell::result(json!([]), 1), Err(NotAnswer { expected: "JSON" }));
}
