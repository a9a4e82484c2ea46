//! `[overage]`: what each domain or mailbox may use in a month, and what more of it costs.

use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use mailtally_model::Subject;
use mailtally_model::overage::{Counts, MAX_DECIMALS, Price, Rate};
use serde::Deserialize;

/// More rules than any price list has.
const MAX_ALLOWANCES: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverageSettings {
    /// Stands before prices.
    pub currency: String,
    /// Decimals of the currency's smallest unit.
    pub decimals: u32,
    pub allowances: Vec<AllowanceSettings>,
}

impl Default for OverageSettings {
    fn default() -> OverageSettings {
        OverageSettings { currency: "EUR".to_owned(), decimals: 2, allowances: Vec::new() }
    }
}

/// One allowance as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowanceSettings {
    pub of: String,
    pub counts: Counts,
    pub a_month: Amount,
    pub price: Option<String>,
    pub per: Option<Amount>,
}

/// A number of messages or bytes, or text such as `50 GB`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    Number(u64),
    Text(String),
}

/// An allowance as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub of: Of,
    pub counts: Counts,
    pub a_month: u64,
    pub rate: Option<Rate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    EachDomain,
    EachMailbox,
    One(Subject),
}

impl OverageSettings {
    /// The allowances in the order of the file; refuses what cannot be meant.
    pub fn allowances(&self) -> Result<Vec<Allowance>> {
        ensure!(self.decimals <= MAX_DECIMALS, "overage.decimals: at most {MAX_DECIMALS}");
        ensure!(self.allowances.len() <= MAX_ALLOWANCES, "overage.allowances: at most {MAX_ALLOWANCES}");
        let mut all: Vec<Allowance> = Vec::new();
        for typed in &self.allowances {
            let allowance = typed.read().with_context(|| format!("overage.allowances, of = {:?}", typed.of))?;
            let is_double = all.iter().any(|other| other.of == allowance.of && other.counts == allowance.counts);
            ensure!(!is_double, "overage.allowances: {:?} has two of {}", typed.of, allowance.counts.id());
            all.push(allowance);
        }
        Ok(all)
    }
}

impl AllowanceSettings {
    fn read(&self) -> Result<Allowance> {
        let of = match self.of.as_str() {
            "domains" => Of::EachDomain,
            "mailboxes" => Of::EachMailbox,
            name => match Subject::from_str(name) {
                Ok(subject @ (Subject::Domain(_) | Subject::Mailbox(_))) => Of::One(subject),
                _ => bail!("it is \"domains\", \"mailboxes\", a domain or a mailbox"),
            },
        };
        let counts = self.counts;
        let amount = |key, amount: &Amount| amount.read(counts).with_context(|| key);
        let rate = match (&self.price, &self.per) {
            (None, None) => None,
            (Some(price), Some(per)) => {
                let per = amount("per", per)?;
                ensure!(per > 0, "per: it cannot be zero");
                Some(Rate { price: price.parse::<Price>().context("price")?, per })
            }
            _ => bail!("price and per go together: so much for so many over the allowance"),
        };
        Ok(Allowance { of, counts, a_month: amount("a_month", &self.a_month)?, rate })
    }
}

impl Amount {
    fn read(&self, counts: Counts) -> Result<u64> {
        let text = match self {
            Amount::Number(number) => return Ok(*number),
            Amount::Text(text) => text,
        };
        ensure!(counts.is_bytes(), "{text:?}: messages are a plain number");
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(at);
        let power = ["B", "KB", "MB", "GB", "TB"].iter().position(|known| *known == unit.trim());
        let bytes = number.parse::<u64>().ok().zip(power).and_then(|(number, power)| {
            let factor = 1024_u64.checked_pow(u32::try_from(power).ok()?)?;
            number.checked_mul(factor)
        });
        bytes.with_context(|| format!("{text:?}: write it as \"50 GB\" (B, KB, MB, GB or TB, of 1024)"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Result<Vec<Allowance>> {
        toml::from_str::<OverageSettings>(text)?.allowances()
    }

    #[test]
    fn allowances_are_of_each_or_of_one() {
        let text = "
            [[allowances]]
            of = 'domains'
            counts = 'data'
            a_month = '50 GB'
            price = '0.80'
            per = '1 GB'
            [[allowances]]
            of = 'Ann@Example.com'
            counts = 'outgoing-messages'
            a_month = 1000";
        let all = read(text).unwrap();
        assert_eq!((&all[0].of, all[0].a_month), (&Of::EachDomain, 50 << 30));
        assert_eq!(all[0].rate, Some(Rate { price: "0.8".parse().unwrap(), per: 1 << 30 }));
        assert_eq!(all[1].of, Of::One("Ann@example.com".parse().unwrap()));
        assert_eq!((all[1].counts, all[1].rate), (Counts::OutgoingMessages, None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        // FAULTS 20
        for (line, named) in [
            ("of = 'everyone@'\ncounts = 'data'\na_month = 1", "everyone@"),
            ("of = 'domains'\ncounts = 'mails'\na_month = 1", "mails"),
            ("of = 'domains'\ncounts = 'messages'\na_month = '5 GB'", "plain number"),
            ("of = 'domains'\ncounts = 'data'\na_month = '5 GiB'", "50 GB"),
            ("of = 'domains'\ncounts = 'data'\na_month = -1", "a_month"),
            ("of = 'domains'\ncounts = 'data'\na_month = 1\nprice = '1'", "go together"),
            ("of = 'domains'\ncounts = 'data'\na_month = 1\nprice = '1,5'\nper = 1", "0.80"),
            ("of = 'domains'\ncounts = 'data'\na_month = 1\nprice = '1'\nper = 0", "zero"),
            (
                "of = 'domains'\ncounts = 'data'\na_month = 1\n[[allowances]]\nof = 'domains'\ncounts = 'data'\na_month = 2",
                "two",
            ),
        ] {
            let refusal = format!("{:#}", read(&format!("[[allowances]]\n{line}")).unwrap_err());
            assert!(refusal.contains(named), "{line}: {refusal}");
        }
    }
}
