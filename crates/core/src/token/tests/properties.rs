//! Any octet that differs makes another token, and whatever is written reads back.

use core::net::IpAddr;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_changed_octet_makes_another_token(place in any::<prop::sample::Index>(), octet in any::<u8>(), bound in any::<bool>()) {
        let proof = if bound { Proof::Key } else { Proof::Bearer };
        let good = issue(&AccessClaims { proof, ..claims() }, &PARTIES, &key()).unwrap();
        let mut changed = good.clone().into_bytes();
        let place = place.index(changed.len());
        prop_assume!(changed[place] != octet);
        changed[place] = octet;
        if let Ok(changed) = String::from_utf8(changed) {
            prop_assert!(taken(&changed).is_err(), "{}", changed);
        }
    }

    #[test]
    fn an_octet_more_or_less_makes_another_token(place in any::<prop::sample::Index>(), octet in prop::option::of(b' '..b'~')) {
        let mut changed = issue(&claims(), &PARTIES, &key()).unwrap().into_bytes();
        let place = place.index(changed.len());
        match octet {
            Some(octet) => changed.insert(place, octet),
            None => drop(changed.remove(place)),
        }
        prop_assert!(taken(str::from_utf8(&changed).unwrap()).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_fault_of_ours(text in ".{0,200}", head in "\\PC{0,60}", body in "\\PC{0,60}") {
        prop_assert!(taken(&text).is_err());
        prop_assert!(taken(&signed(&head, &body)).is_err());
        prop_assert_eq!(taken(&signed(&header().to_string(), &body)).is_err(), true);
        prop_assert!(TokenKeys::of_jwks(text.as_bytes()).is_err());
    }

    #[test]
    fn whatever_claims_are_written_are_read_back(
        (octets, permissions) in (any::<[u8; 16]>(), prop::collection::vec("[a-z0-9][a-z0-9:._-]{0,63}", 0..=32)),
        (lifetime, age, generation, epoch) in (1_u64..=3_600, 0_u64..1_000_000, any::<u32>(), any::<u32>()),
        (address, bound) in (any::<Option<IpAddr>>(), any::<bool>()),
    ) {
        let claims = AccessClaims {
            user: UserId::from_random(octets),
            permissions: Permissions::new(permissions.iter().map(|word| word.parse().unwrap())).unwrap(),
            session: SessionRef(octets),
            proof: if bound { Proof::Key } else { Proof::Bearer },
            id: TokenId(octets),
            auth_time: Timestamp::from_secs(NOW - age),
            issued: Timestamp::from_secs(NOW),
            expires: Timestamp::from_secs(NOW + lifetime),
            generation,
            epoch,
            address,
            ..claims()
        };
        let token = issue(&claims, &PARTIES, &key()).unwrap();
        prop_assert_eq!(taken(&token), Ok(claims));
    }
}
