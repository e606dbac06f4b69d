//! Profiles and rules together, as a server uses them. What neither can see alone is checked here: a rule that names a profile
//! that does not exist would never apply, and a forbid that never applies is a hole.

use crate::problem::Problem;
use crate::profiles::Profiles;
use crate::rules::{RuleFault, Rules};

/// Everything that decides what may be issued. Replaced as a whole when files are reloaded, never in part.
#[derive(Clone, Debug)]
pub struct Ruleset {
    /// What a certificate may look like.
    pub profiles: Profiles,
    /// Who may have one.
    pub rules: Rules,
}

impl Ruleset {
    /// Reads profile files and rule files: pairs of file name and text.
    ///
    /// # Errors
    /// Every problem of every file; nothing of a faulty set takes effect.
    pub fn parse<N: AsRef<str>, T: AsRef<str>>(
        profile_files: &[(N, T)],
        rule_files: &[(N, T)],
    ) -> Result<Self, Vec<Problem>> {
        match (Profiles::parse(profile_files), Rules::parse(rule_files)) {
            (Ok(profiles), Ok(rules)) => {
                let problems = unknown_profiles(&profiles, &rules);
                if problems.is_empty() { Ok(Self { profiles, rules }) } else { Err(problems) }
            }
            (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(problems),
            (Err(mut problems), Err(more)) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }
}

fn unknown_profiles(profiles: &Profiles, rules: &Rules) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in rules.all() {
        for (name, place) in &rule.profiles {
            if profiles.named(name).is_some() {
                continue;
            }
            let known = profiles.names().collect::<Vec<_>>().join(", ");
            let fault = RuleFault::UnknownProfile { written: name.clone(), known };
            problems.push(Problem {
                file: rule.file.clone(),
                place: Some(*place),
                key: Some(format!("rule `{}`", rule.id)),
                message: fault.to_string(),
                hint: fault.hint(),
            });
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use certs::name::DnsName;
    use proptest::prelude::*;

    use super::*;
    use crate::{profiles, rules};

    type Files = Vec<(String, String)>;

    fn shipped() -> (Files, Files) {
        let own =
            |files: &[(&str, &str)]| files.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
        let domains = rules::shipped_rules_for_domains(&[DnsName::parse("example.com").unwrap()]);
        let mut rule_files: Files = own(rules::SHIPPED);
        rule_files.push(("domains.cedar".to_owned(), domains));
        (own(profiles::SHIPPED), rule_files)
    }

    #[test]
    fn what_init_writes_is_a_ruleset() {
        let (profile_files, rule_files) = shipped();
        Ruleset::parse(&profile_files, &rule_files).unwrap();
    }

    #[test]
    fn a_rule_on_a_profile_that_does_not_exist_is_refused_with_its_place() {
        let (profile_files, mut rule_files) = shipped();
        let rule = "@id(\"x\")\nforbid (principal, action, resource)\nwhen { context.profile == Profile::\"devcie\" };";
        rule_files.push(("own.cedar".to_owned(), rule.to_owned()));
        let problems = Ruleset::parse(&profile_files, &rule_files).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].to_string(), "own.cedar:3:36: rule `x`: there is no profile `devcie`");
        assert_eq!(
            problems[0].hint,
            "the profiles are: device, guest, internal-device, internal-user, server, user"
        );
    }

    #[test]
    fn problems_of_profiles_and_of_rules_are_listed_together() {
        let (mut profile_files, mut rule_files) = shipped();
        profile_files[0].1.push_str("\nextra = 1\n");
        rule_files[0].1.push_str("\npermit (principal, action, resource);\n");
        let problems = Ruleset::parse(&profile_files, &rule_files).unwrap_err();
        let files: Vec<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
        assert_eq!(files, ["device.toml", "base.cedar"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_damaged_file_is_read_or_refused_but_never_a_panic(
            which in any::<proptest::sample::Index>(),
            from in any::<proptest::sample::Index>(),
            length in 0_usize..40,
            put in "[\\PC\n]{0,12}",
        ) {
            let (mut profile_files, mut rule_files) = shipped();
            let every: Vec<&mut String> =
                profile_files.iter_mut().chain(&mut rule_files).map(|(_, text)| text).collect();
            let count = every.len();
            let text = every.into_iter().nth(which.index(count)).unwrap();
            let letters: Vec<char> = text.chars().collect();
            let start = from.index(letters.len());
            let kept = letters[..start].iter().copied().chain(put.chars());
            *text = kept.chain(letters[start..].iter().copied().skip(length)).collect();
            if let Err(problems) = Ruleset::parse(&profile_files, &rule_files) {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(!problem.message.is_empty() && !problem.hint.is_empty(), "{:?}", problem);
                    prop_assert!(!problem.message.contains('\n'), "{:?}", problem);
                }
            }
        }
    }
}
