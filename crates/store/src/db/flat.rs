//! A batch on MySQL with as little JSON as can be, because a table made of JSON costs more there than the statement over it: what its
//! rows have in common are parameters, and where they differ in nothing but their ids, those are, too.

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::statement::{IDS, PLACES, Shape};
use super::{Statement, Value};

/// The columns of a batch that are parameters.
#[derive(Default)]
pub(super) struct Flat {
    shape: Shape,
    alike: Map<String, Json>,
    /// Those of the row that stands for all, if no table is made.
    row: Map<String, Json>,
    ids: Vec<i64>,
}

impl Flat {
    /// What of these values need not be in a table.
    pub(super) fn of(sql: &Statement, values: &[(&str, Value<'_>)]) -> Self {
        let text = |wanted: &str| match values.iter().find(|(name, _)| *name == wanted) {
            Some((_, Value::Text(text))) => *text,
            _ => None,
        };
        let alike: Option<Map<String, Json>> = text("alike").and_then(|json| serde_json::from_str(json).ok());
        let mut flat = Self {
            shape: Shape { is_divided: alike.is_some(), ..Shape::default() },
            alike: alike.unwrap_or_default(),
            ..Self::default()
        };
        let batch = text("batch").filter(|_| sql.has_flat());
        let one = batch.and_then(|json| one_row(json).or_else(|| one_but_for_ids(json)));
        if let Some((row, ids)) = one
            && let Some(places) = PLACES.iter().find(|places| **places >= ids.len())
        {
            flat.shape.places = *places;
            (flat.row, flat.ids) = (row, ids);
        }
        flat
    }

    /// In which shape the statement takes them.
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// What stands in these places, if it is a column of the batch: each id once, the last one as often as there are places left.
    pub(super) fn bind<'v>(&'v self, names: &[&'static str], given: &[(&'v str, Value<'v>)]) -> Vec<Value<'v>> {
        let mut ids = self.ids.iter().chain(std::iter::repeat(self.ids.last().unwrap_or(&0)));
        let value = |name: &&'static str| match (*name, self.row.get(*name).or_else(|| self.alike.get(*name))) {
            (IDS, _) => Value::Int(ids.next().copied()),
            (_, Some(column)) => value_of(column),
            (name, None) => super::conn::value_of(given, name),
        };
        names.iter().map(value).collect()
    }
}

fn value_of(column: &Json) -> Value<'_> {
    match column {
        Json::String(text) => Value::Text(Some(text)),
        Json::Number(number) => Value::Int(number.as_i64()),
        // proof: the rows of batches hold numbers, texts and nulls.
        _ => Value::Text(None),
    }
}

/// The only row of a batch.
fn one_row(json: &str) -> Option<(Map<String, Json>, Vec<i64>)> {
    // Ends at the second row, if there is one.
    let (row,) = serde_json::from_str::<(Map<String, Json>,)>(json).ok()?;
    let id = row.get("id").and_then(Json::as_i64);
    Some((row, id.into_iter().collect()))
}

/// One row that stands for all, and the ids of all: if they are the same behind their ids, which come first.
fn one_but_for_ids(json: &str) -> Option<(Map<String, Json>, Vec<i64>)> {
    const BEFORE: &str = r#"{"id":"#;
    if !json.trim_start_matches('[').starts_with(BEFORE) {
        return None;
    }
    let rows: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let (mut ids, mut common) = (Vec::with_capacity(rows.len()), None);
    for row in &rows {
        let row = row.get().strip_prefix(BEFORE)?;
        let (id, rest) = row.split_at(row.find([',', '}'])?);
        if *common.get_or_insert(rest) != rest {
            return None;
        }
        ids.push(id.parse().ok()?);
    }
    Some((serde_json::from_str(rows.first()?.get()).ok()?, ids))
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::*;

    static WRITE: Statement = Statement::new(
        "write",
        "{if table: update {batch: id int, note text | state text, n int}}\n{if flat: update t}\n\
        set note = {batch.note}, state = {batch.state}, n = {batch.n}, w = :w\n{if flat: where id in ({batch.ids})}",
    );
    static OTHER: Statement = Statement::new("other", "select {batch: id int}");

    /// What is asked, and what is bound, for this batch.
    fn asked(sql: &'static Statement, batch: &str, alike: Option<&str>) -> (&'static str, Vec<String>) {
        let given = [("batch", batch.into()), ("alike", alike.into()), ("w", 7.into())];
        let flat = Flat::of(sql, &given);
        let prepared = sql.prepared(Dialect::MySql, flat.shape());
        (&prepared.text, flat.bind(&prepared.names, &given).iter().map(|value| format!("{value:?}")).collect())
    }

    #[test]
    fn a_batch_of_one_row_is_parameters() {
        let (text, bound) = asked(&WRITE, r#"[{"id":9007199254740993,"note":"漢\u0000","state":null,"n":3}]"#, None);
        assert_eq!(text, "update t\nset note = ?, state = ?, n = cast(? as signed), w = ?\nwhere id in (?)");
        let row =
            ["Text(Some(\"漢\\0\"))", "Text(None)", "Int(Some(3))", "Int(Some(7))", "Int(Some(9007199254740993))"];
        assert_eq!(bound, row);
    }

    #[test]
    fn rows_that_differ_in_nothing_but_their_ids_are_parameters_and_the_last_fills_the_places_that_are_left() {
        let (text, bound) = asked(
            &WRITE,
            r#"[{"id":5,"note":"x"},{"id":1,"note":"x"},{"id":12,"note":"x"}]"#,
            Some(r#"{"state":"a","n":null}"#),
        );
        assert!(text.ends_with("where id in (?, ?, ?, ?)"), "{text}");
        let ids = ["Int(Some(5))", "Int(Some(1))", "Int(Some(12))", "Int(Some(12))"];
        assert_eq!(bound[..4], ["Text(Some(\"x\"))", "Text(Some(\"a\"))", "Text(None)", "Int(Some(7))"]);
        assert_eq!(bound[4..], ids);
    }

    #[test]
    fn rows_that_differ_are_a_table_without_what_they_have_in_common() {
        let batch = r#"[{"id":5,"note":"x"},{"id":1,"note":"y"}]"#;
        let (text, bound) = asked(&WRITE, batch, Some(r#"{"state":"a","n":3}"#));
        assert!(
            text.contains(" path '$.note')) batch\nset note = batch.note, state = ?, n = cast(? as signed), w = ?")
        );
        assert_eq!(bound[1..], ["Text(Some(\"a\"))", "Int(Some(3))", "Int(Some(7))"]);
        let (text, bound) = asked(&WRITE, batch, None);
        assert!(text.contains("n bigint path '$.n')) batch\nset note = batch.note, state = batch.state"), "{text}");
        assert_eq!(bound.len(), 2);
    }

    #[test]
    fn what_is_no_such_batch_is_a_table() {
        for batch in [
            "[]",
            "[1]",
            "[1,2]",
            r#"[{"id":1},{"id":2,"note":null}]"#,
            r#"[{"note":1},{"note":1}]"#,
            r#"[{"id":"a"},{"id":"a"}]"#,
        ] {
            assert!(asked(&WRITE, batch, None).0.contains("json_table("), "{batch}");
        }
        assert!(asked(&OTHER, r#"[{"id":1}]"#, None).0.contains("json_table("), "it has no other form");
        let many: Vec<String> =
            (0..=PLACES[4]).map(|id| format!(r#"{{"id":{id},"note":null,"state":null,"n":0}}"#)).collect();
        assert!(asked(&WRITE, &format!("[{}]", many.join(",")), None).0.contains("json_table("), "more than places");
        assert!(!asked(&WRITE, &format!("[{}]", many[1..].join(",")), None).0.contains("json_table("));
    }
}
