//! The REST API.

use conformance::sim::dynadot::signature;
use reqwest::Method;
use serde_json::json;

use super::{Dynadot, HOSTED};

#[tokio::test]
async fn rest_wants_a_signature_of_exactly_what_is_sent() {
    let dynadot = Dynadot::start().await;
    let path = format!("/restful/v2/domains/{HOSTED}/records");
    let (status, answer) = dynadot.rest(Method::GET, &path, "").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"]["glue_info"]["ttl"], "300");
    let of_another_body = signature("secret", "key", &path, "", "");
    for wrong in ["", of_another_body.as_str()] {
        let (status, answer) = dynadot.rest_signed(Method::GET, &path, "", wrong).await;
        assert_eq!((status, &answer["code"]), (401, &json!(401)));
    }
    let foreign = "/restful/v2/domains/dynadot-elsewhere.com/records";
    assert_eq!(dynadot.rest(Method::GET, foreign, "").await.0, 404);
}

#[tokio::test]
async fn rest_takes_no_notice_of_fields_it_does_not_know() {
    let dynadot = Dynadot::start().await;
    let (before, path) = (dynadot.records(), format!("/restful/v2/domains/{HOSTED}/records"));
    let old = json!({"sub_list": [{"sub_host": "a", "record_type": "txt", "record_value1": "value"}]});
    let (status, answer) = dynadot.rest(Method::POST, &path, &old.to_string()).await;
    assert_eq!(
        (status, &answer["code"]),
        (200, &json!(200)),
        "it looks like a success"
    );
    assert_eq!(dynadot.records(), before);

    let list = json!([{"sub_host": "a", "record_type": "txt", "record_value1": "value"}]);
    let put = json!({"dns_sub_list": list, "ttl": 300, "add_dns_to_current_setting": true});
    dynadot.rest(Method::POST, &path, &put.to_string()).await;
    assert_eq!(dynadot.records().len(), before.len() + 1);
    let (_, answer) = dynadot
        .rest(Method::DELETE, &path, &json!({"dns_sub_list": list}).to_string())
        .await;
    assert_eq!(answer["data"]["sub_record_removed_count"], 1);
    assert_eq!(dynadot.records(), before);
}
