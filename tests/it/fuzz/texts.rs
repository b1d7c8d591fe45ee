//! Texts with a form: durations, scopes, patterns of actions.

use chrono::TimeDelta;
use pim_domain::{
    permission::{Account, Operation, Pattern, Permissions, Plane},
    role::{Catalog, PermissionBlock},
    scope::{Lineage, Parents, SCOPE_BYTES_MAX, SCOPE_DEPTH_MAX, Scope},
    time::{format_duration, parse_duration},
};

use super::Rounds;

const DURATIONS: [&str; 8] = [
    "PT8H",
    "P365D",
    "PT8H30M",
    "P1DT1H1M1S",
    "PT0.000001S",
    "P0D",
    "P106751991167D",
    "PT2562047788015215H",
];
const DURATION_WORDS: [&str; 12] =
    ["P", "T", "D", "H", "M", "S", "W", "Y", "-", "+", ".999999999", "18446744073709551616"];

#[test]
fn durations() {
    let mut accepted = 0;
    for mut dice in Rounds::of("durations", 20_000) {
        let text = dice.text(&DURATIONS, &DURATION_WORDS);
        let Some(duration) = parse_duration(&text) else { continue };
        accepted += 1;
        assert!(duration >= TimeDelta::zero(), "{text:?} is {duration}");
        let belongs = |c: char| c.is_ascii_digit() || "PTDHMS.,".contains(c);
        assert!(text.chars().all(belongs), "{text:?} is no strict duration");
        let printed = format_duration(duration);
        assert_eq!(parse_duration(&printed), Some(duration), "{text:?} is printed as {printed}");
        assert_eq!(format_duration(parse_duration(&printed).unwrap()), printed);
    }
    assert!(accepted > 0);
}

const SCOPES: [&str; 8] = [
    "/",
    "/subscriptions/a",
    "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11/resourceGroups/web",
    "/Subscriptions/A/RESOURCEGROUPS/Web/providers/Microsoft.Compute/virtualMachines/one",
    "/managementGroups/web",
    "/administrativeUnits/0198c0de-0000-7000-8000-00000000000a",
    "/applications/mail",
    "/groups/0198c0de-0000-7000-8000-00000000000a",
];
const SCOPE_WORDS: [&str; 12] = [
    "/",
    "//",
    "/..",
    "/.",
    "%2f",
    "\\",
    "\0",
    " ",
    "\u{202e}",
    "\u{130}",
    "/subscriptions/",
    "/groups/",
];

fn segments(scope: &Scope) -> Vec<&str> {
    scope.as_str().split('/').filter(|one| !one.is_empty()).collect()
}

#[test]
fn scopes() {
    let mut known: Vec<Scope> = SCOPES.map(|text| text.parse().unwrap()).to_vec();
    for mut dice in Rounds::of("scopes", 20_000) {
        let text = dice.text(&SCOPES, &SCOPE_WORDS);
        let Ok(scope) = text.parse::<Scope>() else { continue };
        assert_eq!(scope.as_str().parse(), Ok(scope.clone()), "{text:?} is not canonical");
        // The same whatever its case, as ASCII has it.
        assert_eq!(text.to_ascii_uppercase().parse(), Ok(scope.clone()), "{text:?}");
        assert!(scope.as_str().len() <= SCOPE_BYTES_MAX, "{text:?}");
        let own = segments(&scope);
        assert!(own.len() <= SCOPE_DEPTH_MAX && own.len() != 1, "{scope}");
        assert!(!own.iter().any(|one| [".", ".."].contains(one)), "{scope}");
        assert!(!scope.as_str().chars().any(|c| c.is_control() || c.is_whitespace()), "{scope:?}");
        let lineage = Lineage::of(&scope, &Parents::new());
        let other = dice.pick(&known).clone();
        assert_eq!(lineage.is_below(&other), own.starts_with(&segments(&other)), "{scope} {other}");
        let place = dice.roll(known.len());
        if known.len() < 100 { known.push(scope) } else { known[place] = scope }
    }
    assert!(known.len() > 10);
}

const PATTERNS: [&str; 9] = [
    "*",
    "*/read",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Storage/storageAccounts/*/blobs/*/read",
    "microsoft.directory/users/allProperties/allTasks",
    "microsoft.directory/groups/members/update",
    "microsoft.office365.protectionCenter/allEntities/allProperties/read",
    "pim/access/check",
];
const PATTERN_WORDS: [&str; 8] = [
    "*",
    "/",
    "/*/",
    "**",
    "allTasks",
    "allEntities",
    "Microsoft.Compute/",
    "microsoft.directory/",
];

/// Whether `*` for any text makes one of the other: by all that there is to try.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    // Which ends of the text what was read of the pattern can reach.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for one in pattern {
        let before = reached.clone();
        for at in 0..=text.len() {
            reached[at] = if *one == b'*' {
                before[..=at].contains(&true)
            } else {
                at > 0 && before[at - 1] && text[at - 1] == *one
            };
        }
    }
    reached[text.len()]
}

fn matches(catalog: Catalog, pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    if catalog != Catalog::Entra {
        return glob(pattern.as_bytes(), action.as_bytes());
    }
    let any = ["alltasks", "allproperties", "allentities"];
    let (own, other): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), action.split('/').collect());
    own.len() == other.len()
        && own.iter().zip(other).all(|(own, other)| *own == other || any.contains(own))
}

#[test]
fn patterns() {
    let mut yes = 0;
    for mut dice in Rounds::of("patterns", 20_000) {
        let catalog = *dice.pick(&Catalog::ALL);
        let mut pattern = || dice.text(&PATTERNS, &PATTERN_WORDS);
        let (allowed, taken) = (pattern(), pattern());
        let name = dice.text(&[&allowed, PATTERNS[3], PATTERNS[6]], &PATTERN_WORDS);
        let name = name.replace('*', "x/y");
        let Ok(operation) = Operation::new(Plane::Data, &name) else { continue };
        // Only what could be written into a role.
        if [&allowed, &taken].into_iter().any(|text| Pattern::new(catalog, text).is_err()) {
            continue;
        }
        let block = PermissionBlock {
            condition: None,
            actions: vec![allowed.clone()],
            not_actions: Vec::new(),
            data_actions: vec![allowed.clone()],
            not_data_actions: vec![taken.clone()],
        };
        let plainly = operation.catalog() == catalog
            && matches(catalog, &allowed, &name)
            && !matches(catalog, &taken, &name);
        let said = format!("{catalog:?} {allowed:?} - {taken:?}: {name:?}");
        let account = Account::of(catalog, &block, &operation);
        assert_eq!(account.permits, plainly, "{said}");
        let permissions = Permissions::of_blocks(catalog, &[block]);
        assert_eq!(permissions.permit(&operation), plainly, "{said}");
        yes += u32::from(plainly);
    }
    assert!(yes > 0);
}
