use super::*;
use crate::verify::jwk::WireJwk;

fn key(json: &str) -> Result<PublicKey, KeyFault> {
    PublicKey::new(&serde_json::from_str::<WireJwk>(json).unwrap().check()?)
}

fn verify(jwk: &str, algorithm: Algorithm, compact: &str) -> Result<(), VerifyError> {
    let (message, signature) = compact.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key(jwk).unwrap().verify(algorithm, message.as_bytes(), &signature)
}

/// RFC 7515 Appendix A.3.
const ES256_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const ES256_JWS: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// RFC 7515 Appendix A.2.
const RS256_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
const RS256_JWS: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// RFC 8037 Appendix A.4.
const EDDSA_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const EDDSA_JWS: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

#[test]
fn the_signatures_of_rfc_7515_and_rfc_8037_verify() {
    verify(ES256_KEY, Algorithm::Es256, ES256_JWS).unwrap();
    verify(RS256_KEY, Algorithm::Rs256, RS256_JWS).unwrap();
    verify(EDDSA_KEY, Algorithm::EdDsa, EDDSA_JWS).unwrap();
}

#[test]
fn a_changed_message_or_signature_does_not_verify() {
    for (key, algorithm, jws) in [
        (ES256_KEY, Algorithm::Es256, ES256_JWS),
        (RS256_KEY, Algorithm::Rs256, RS256_JWS),
        (EDDSA_KEY, Algorithm::EdDsa, EDDSA_JWS),
    ] {
        let message = jws.replacen("eyJ", "eyK", 1);
        assert!(matches!(verify(key, algorithm, &message), Err(VerifyError::Signature)));
        let (head, signature) = jws.rsplit_once('.').unwrap();
        for wrong in [String::new(), "AAAA".to_owned(), signature.replacen(&signature[..4], "AAAA", 1)] {
            let jws = format!("{head}.{wrong}");
            assert!(matches!(verify(key, algorithm, &jws), Err(VerifyError::Signature)), "{jws}");
        }
    }
}

#[test]
fn an_ecdsa_signature_of_zeros_or_in_der_does_not_verify() {
    let key = key(ES256_KEY).unwrap();
    for signature in [vec![0; 64], vec![0xff; 64], vec![0x30, 6, 2, 1, 1, 2, 1, 1]] {
        assert!(key.verify(Algorithm::Es256, b"message", &signature).is_err());
    }
}

#[test]
fn a_key_serves_only_its_own_algorithm() {
    let (message, signature) = ES256_JWS.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let refused = key(ES256_KEY).unwrap().verify(Algorithm::Rs256, message.as_bytes(), &signature);
    assert!(matches!(refused, Err(VerifyError::AlgorithmOfKey { claimed: "RS256", expected: "ES256" })));
}

#[test]
fn a_point_that_is_not_on_its_curve_is_no_key() {
    let off = ES256_KEY.replace(
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4",
    );
    assert_eq!(key(&off).unwrap_err(), KeyFault::Point);
    let zero = format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, "A".repeat(43));
    assert_eq!(key(&zero).unwrap_err(), KeyFault::Point);
    let zero = format!(r#"{{"kty":"EC","crv":"P-384","x":"{0}","y":"{0}"}}"#, "A".repeat(64));
    assert_eq!(key(&zero).unwrap_err(), KeyFault::Point);
}
