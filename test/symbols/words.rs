// SPDX-License-Identifier: Apache-2.0
//
// Description: a program in Rust with enough of its library in it (hash maps,
// trees, formatting) to have deep chains of inlined calls: counts words.
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

fn main() {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut by_count: BTreeMap<u64, Vec<String>> = BTreeMap::new();

    for line in std::io::stdin().lock().lines() {
        for word in line.unwrap().split_whitespace() {
            *counts.entry(word.to_lowercase()).or_insert(0) += 1;
        }
    }
    for (word, count) in counts {
        by_count.entry(count).or_default().push(word);
    }
    for (count, mut words) in by_count {
        words.sort();
        println!("{}: {}", count, words.join(" "));
    }
}
