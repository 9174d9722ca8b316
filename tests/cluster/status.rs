// SPDX-License-Identifier: GPL-2.0-or-later

//! A module's status, in the grammar that all modules of the engine keep to:
//! `name=...,type=...,format=A|B;counters;id=a|b,id=a|b`.

/// An answer to the command `status`.
#[derive(Debug)]
pub struct Status {
    /// The names of the columns.
    format: Vec<String>,
    params: Vec<(String, String)>,
    details: Vec<(String, Vec<String>)>,
}

impl Status {
    /// Reads an answer.
    ///
    /// # Panics
    /// When that isn't the grammar.
    pub fn read(text: &str) -> Self {
        let mut parts = text.trim_end().split(';');
        let mut part = || pairs(parts.next().unwrap_or(""));
        let (mut params, counters, details) = (part(), part(), part());
        assert_eq!(parts.next(), None, "three parts: {text}");
        params.extend(counters);
        let columns = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let format = params.iter().find(|(name, _)| name == "format");
        let format = format.map_or(Vec::new(), |(_, format)| columns(format));
        let detail = |(id, text): (String, String)| {
            let columns = columns(&text);
            assert_eq!(columns.len(), format.len(), "{id}={text}, {format:?}");
            (id, columns)
        };
        let details = details.into_iter().map(detail).collect();
        Self {
            format,
            params,
            details,
        }
    }

    /// A counter, or any other parameter.
    pub fn get(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map_or_else(|| panic!("no {name}: {self:?}"), |(_, value)| value)
    }

    /// The text of an item in a column.
    pub fn column(&self, id: &str, column: &str) -> &str {
        let place = self.format.iter().position(|name| name == column);
        let detail = self.details.iter().find(|(key, _)| key == id);
        let found = place.zip(detail).map(|(place, (_, values))| &values[place]);
        found.unwrap_or_else(|| panic!("no {column} of {id}: {self:?}"))
    }

    /// The names of the items, in order.
    pub fn ids(&self) -> Vec<&str> {
        self.details.iter().map(|(id, _)| id.as_str()).collect()
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |text: &str| {
        let pair = text.split_once('=');
        let (name, value) = pair.unwrap_or_else(|| panic!("'{text}' is no name=value"));
        (name.to_owned(), value.to_owned())
    };
    text.split(',')
        .filter(|text| !text.is_empty())
        .map(pair)
        .collect()
}
