//! SQL in files, named by operation: named parameters, and the few tokens in which the dialects differ.

use std::sync::OnceLock;

/// The three dialects; MySQL and MariaDB share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    MySql,
    Postgres,
}

impl Dialect {
    /// Microseconds UTC since 1970 by the database's clock; on each database an expression an index range may use.
    pub(crate) const fn now(self) -> &'static str {
        match self {
            Dialect::Sqlite => {
                "(cast(strftime('%s', 'now') as integer) * 1000000 + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000)"
            }
            Dialect::MySql => "timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))",
            // Asked once in a statement, not for each of its rows.
            Dialect::Postgres => "(select (extract(epoch from statement_timestamp()) * 1000000)::bigint)",
        }
    }
}

/// One operation's SQL: a file that serves all, or one per dialect where they differ.
///
/// Tokens: `:name` is a parameter; `{now}` the database's clock; `{batch: id int, content text | state text}` the rows of the
/// JSON array in parameter `:batch`, under the alias `batch`, of which the columns behind the stroke may be the same in all rows and
/// stand once in the object `:alike` (see [`Shape`]); `{if name: clause}` a clause that stands only where a value
/// of that name is given (see [`Statement::composed`]), `{if answer: clause}` where rows are asked for, `{if flat: clause}` and
/// `{if table: clause}` where the batch is none or a table (see [`Shape`]), `{batch.name}` a column of it either way, and `{batch.ids}`
/// the ids of a batch that is no table.
pub(crate) struct Statement {
    name: &'static str,
    files: [Option<&'static str>; 3],
    /// An optional clause that always stands.
    with: Option<&'static str>,
    /// One for each database in each shape that has a table.
    prepared: [[OnceLock<Prepared>; 3]; 4],
    /// One for each number of places, where it has none.
    flat: [OnceLock<Prepared>; PLACES.len()],
}

/// What a statement is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// The batch's common columns stand once: in `:alike`, and on MySQL as parameters of their own.
    pub(crate) is_divided: bool,
    /// Rows are asked for, where it has some only then.
    pub(crate) has_answer: bool,
    /// The batch is no table, and its columns are parameters, with so many places for ids, as [`PLACES`] has them: only for statements
    /// that have a clause for that, on MySQL. Else 0.
    pub(crate) places: usize,
}

/// How many places for ids a statement without a table may have, at most as many as a batch has rows: few, because each is a statement
/// that every connection keeps, and a server counts those of all (MySQL: 16,382).
pub(super) const PLACES: [usize; 5] = [1, 4, 16, 64, 512];

/// The name of each place for an id.
pub(super) const IDS: &str = "ids";
/// The clause that a statement has for a batch that is no table.
#[cfg(feature = "mysql")]
const IF_FLAT: &str = "{if flat: ";

/// A statement as one database takes it.
pub(crate) struct Prepared {
    pub(crate) text: String,
    /// The parameters' names in the order of their places.
    pub(crate) names: Vec<&'static str>,
    /// The same behind what an SQLite file's writer is told first, for each level.
    #[cfg(feature = "sqlite")]
    pub(super) framed: [OnceLock<String>; 2],
}

impl Statement {
    /// One file for all.
    pub(crate) const fn new(name: &'static str, file: &'static str) -> Self {
        Self {
            name,
            files: [Some(file), Some(file), Some(file)],
            with: None,
            prepared: [const { [const { OnceLock::new() }; 3] }; 4],
            flat: [const { OnceLock::new() }; PLACES.len()],
        }
    }

    /// Another file for SQLite.
    pub(crate) const fn sqlite(mut self, file: &'static str) -> Self {
        self.files[Dialect::Sqlite as usize] = Some(file);
        self
    }

    /// Another file for MySQL and MariaDB.
    pub(crate) const fn mysql(mut self, file: &'static str) -> Self {
        self.files[Dialect::MySql as usize] = Some(file);
        self
    }

    /// Another file for PostgreSQL.
    pub(crate) const fn postgres(mut self, file: &'static str) -> Self {
        self.files[Dialect::Postgres as usize] = Some(file);
        self
    }

    /// With the optional clause of this name.
    pub(crate) const fn with(mut self, name: &'static str) -> Self {
        self.with = Some(name);
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn prepared(&'static self, dialect: Dialect, shape: Shape) -> &'static Prepared {
        let place = dialect as usize;
        let asked = |name: &str| match name {
            "answer" => shape.has_answer,
            "flat" => shape.places > 0,
            "table" => shape.places == 0,
            _ => self.with == Some(name),
        };
        let form = Form { is_asked: &asked, is_divided: shape.is_divided, places: shape.places };
        let file = self.files[place].unwrap_or_default();
        let known = match PLACES.iter().position(|places| *places == shape.places) {
            Some(number) => &self.flat[number],
            None => &self.prepared[usize::from(shape.is_divided) * 2 + usize::from(shape.has_answer)][place],
        };
        known.get_or_init(|| prepare(file, dialect, form))
    }

    /// The statement with those of its optional clauses whose name is asked for.
    pub(crate) fn composed(&'static self, dialect: Dialect, is_asked: &dyn Fn(&str) -> bool) -> Prepared {
        let asked = |name: &str| name == "table" || self.with == Some(name) || is_asked(name);
        let form = Form { is_asked: &asked, is_divided: false, places: 0 };
        prepare(self.files[dialect as usize].unwrap_or_default(), dialect, form)
    }

    /// Whether a batch need not be a table.
    #[cfg(feature = "mysql")]
    pub(super) fn has_flat(&self) -> bool {
        self.files[Dialect::MySql as usize].is_some_and(|file| file.contains(IF_FLAT))
    }
}

/// Which of its forms a statement takes.
#[derive(Clone, Copy)]
struct Form<'f> {
    /// Whether the clause of this name stands.
    is_asked: &'f dyn Fn(&str) -> bool,
    /// Whether the batch's common columns stand once.
    is_divided: bool,
    /// How many ids are parameters, as all columns of the batch are then; 0 where it is a table.
    places: usize,
}

/// Drops comments and what was not asked for, fills in the dialect's tokens and numbers the parameters.
fn prepare(file: &'static str, dialect: Dialect, form: Form<'_>) -> Prepared {
    let mut text = String::with_capacity(file.len());
    let mut names = Vec::new();
    for line in file.lines().filter(|line| !line.trim_start().starts_with("--")) {
        let Some(line) = asked(line, form.is_asked) else { continue };
        let mut rest = line;
        while let Some(at) = rest.find([':', '{', '\'']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let token_end = match rest.as_bytes() {
                [b'\'', ..] => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
                [b'{', ..] => rest.find('}').map_or(rest.len(), |end| end + 1),
                [b':', b':', ..] => 2,
                _ => rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(rest.len(), |end| end + 1),
            };
            let token = &rest[..token_end];
            match token.as_bytes() {
                [b'\'', ..] | [b':', b':', ..] => text.push_str(token),
                [b'{', ..] => expand(file, token.trim_matches(['{', '}']), dialect, form, &mut text, &mut names),
                _ => place(&token[1..], dialect, &mut text, &mut names),
            }
            rest = &rest[token_end..];
        }
        text.push_str(rest);
        text.push('\n');
    }
    Prepared {
        text: text.trim_end().to_owned(),
        names,
        #[cfg(feature = "sqlite")]
        framed: Default::default(),
    }
}

/// The clause of an optional line if it was asked for; any other line as it is.
fn asked(line: &'static str, is_asked: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let optional = line.trim().strip_prefix("{if ").and_then(|rest| rest.strip_suffix('}')?.split_once(": "));
    match optional {
        Some((name, clause)) => is_asked(name).then_some(clause),
        None => Some(line),
    }
}

/// A place for a parameter: numbered where the dialect can, so that a name may stand twice.
fn place(name: &'static str, dialect: Dialect, text: &mut String, names: &mut Vec<&'static str>) {
    let sign = match dialect {
        Dialect::MySql => {
            names.push(name);
            return text.push('?');
        }
        Dialect::Sqlite => '?',
        Dialect::Postgres => '$',
    };
    let number = names.iter().position(|known| *known == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    });
    text.push_str(&format!("{sign}{}", number + 1));
}

/// A column's name and kind.
type Column = (&'static str, &'static str);

/// A column of the batch as a parameter.
fn place_column(column: &'static str, kind: &str, dialect: Dialect, text: &mut String, names: &mut Vec<&'static str>) {
    if kind != "int" {
        return place(column, dialect, text, names);
    }
    // A null has no kind of its own.
    text.push_str("cast(");
    place(column, dialect, text, names);
    text.push_str(" as signed)");
}

/// The kind of a column of the batch, if it is a parameter in this form.
fn kind_of_parameter(file: &'static str, column: &str, form: Form<'_>) -> Option<&'static str> {
    let (own, alike) = columns_of_batch(file);
    let kind = |columns: &[Column]| columns.iter().find_map(|(name, kind)| (*name == column).then_some(*kind));
    match kind(&alike) {
        Some(kind) if form.is_divided => Some(kind),
        common => common.or_else(|| kind(&own)).filter(|_| form.places > 0),
    }
}

/// The columns of the batch that a file asks for: each row's own, and those that may be common.
fn columns_of_batch(file: &'static str) -> (Vec<Column>, Vec<Column>) {
    let list = file.split_once("{batch:").and_then(|(_, rest)| rest.split_once('}')).map_or("", |(list, _)| list);
    let (own, alike) = list.split_once('|').unwrap_or((list, ""));
    (columns_of(own), columns_of(alike))
}

fn expand(
    file: &'static str,
    token: &'static str,
    dialect: Dialect,
    form: Form<'_>,
    text: &mut String,
    names: &mut Vec<&'static str>,
) {
    match token.strip_prefix("batch.") {
        _ if token == "now" => text.push_str(dialect.now()),
        Some(IDS) => {
            names.extend(std::iter::repeat_n(IDS, form.places));
            text.push_str(&vec!["?"; form.places].join(", "));
        }
        Some(column) => match kind_of_parameter(file, column, form) {
            Some(kind) => place_column(column, kind, dialect, text, names),
            None => text.push_str(token),
        },
        None => table(file, dialect, form, text, names),
    }
}

/// The batch as a table.
fn table(file: &'static str, dialect: Dialect, form: Form<'_>, text: &mut String, names: &mut Vec<&'static str>) {
    let (mut own, mut alike) = columns_of_batch(file);
    if !form.is_divided {
        own.append(&mut alike);
    }
    match dialect {
        Dialect::Sqlite => {
            let from = |source: &str, columns: &[Column]| {
                list(columns, |(name, _)| format!("json_extract({source}, '$.{name}') as {name}"))
            };
            // The limit keeps the inner query apart: else SQLite makes each object text again for each of its columns.
            text.push_str(&format!("(select {}", from("value", &own)));
            if !alike.is_empty() {
                // Constant, so evaluated once.
                let mut source = String::new();
                place("alike", dialect, &mut source, names);
                text.push_str(&format!(", {}", from(&source, &alike)));
            }
            text.push_str(" from (select value from json_each(");
            place("batch", dialect, text, names);
            text.push_str(") limit -1)) batch");
        }
        Dialect::MySql => {
            // Without its own character set MariaDB gives such a column the database's, and latin1 turns 漢 into '?'.
            let text_kind = "longtext character set utf8mb4 collate utf8mb4_bin";
            let kind_of = |kind: &str| if kind == "int" { "bigint" } else { text_kind };
            let columns = list(&own, |(name, kind)| format!("{name} {} path '$.{name}'", kind_of(kind)));
            text.push_str("json_table(");
            place("batch", dialect, text, names);
            text.push_str(&format!(", '$[*]' columns ({columns})) batch"));
        }
        Dialect::Postgres => {
            let kind_of = |kind: &str| if kind == "int" { "bigint" } else { "text" };
            let typed = |columns: &[Column]| list(columns, |(name, kind)| format!("{name} {}", kind_of(kind)));
            let records = |name: &'static str, text: &mut String, names: &mut Vec<&'static str>| {
                place(name, dialect, text, names);
                text.push_str(" as json)) as ");
            };
            if alike.is_empty() {
                text.push_str("json_to_recordset(cast(");
                records("batch", text, names);
                text.push_str(&format!("batch ({})", typed(&own)));
            } else {
                text.push_str("(select * from json_to_recordset(cast(");
                records("batch", text, names);
                text.push_str(&format!("own ({}), json_to_record(cast(", typed(&own)));
                records("alike", text, names);
                text.push_str(&format!("alike ({})) batch", typed(&alike)));
            }
        }
    }
}

fn columns_of(list: &'static str) -> Vec<Column> {
    list.split(',').filter_map(|column| column.trim().split_once(' ')).collect()
}

fn list(columns: &[Column], each: impl Fn(Column) -> String) -> String {
    columns.iter().map(|column| each(*column)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Shape = Shape { is_divided: false, has_answer: false, places: 0 };

    static SAMPLE: Statement = Statement::new(
        "sample",
        "-- Comment with :colon.\nselect ':no' as a, x::bigint\nfrom t, {batch: id int, note text}\nwhere a = :a and b = :b and c = :a and t < {now}",
    );

    #[test]
    fn names_become_places_and_quotes_stay() {
        let sqlite = SAMPLE.prepared(Dialect::Sqlite, WHOLE);
        assert_eq!(sqlite.names, ["batch", "a", "b"]);
        assert!(
            sqlite.text.starts_with("select ':no' as a, x::bigint\nfrom t, (select json_extract(value, '$.id') as id")
        );
        let postgres = SAMPLE.prepared(Dialect::Postgres, WHOLE);
        assert_eq!(postgres.names, ["batch", "a", "b"]);
        assert!(postgres.text.contains("json_to_recordset(cast($1 as json)) as batch (id bigint, note text)"));
        assert!(postgres.text.contains("where a = $2 and b = $3 and c = $2"));
        let mysql = SAMPLE.prepared(Dialect::MySql, WHOLE);
        assert!(mysql.text.contains("json_table(?, '$[*]' columns (id bigint path '$.id', note longtext character set utf8mb4 collate utf8mb4_bin path '$.note')) batch"));
    }

    #[test]
    fn common_columns_of_a_batch_stand_once_where_it_is_divided() {
        static DIVIDED: Statement = Statement::new("divided", "select 1 from {batch: id int | state text, n int}");
        let divided = Shape { is_divided: true, ..Shape::default() };
        let (sqlite, whole) = (DIVIDED.prepared(Dialect::Sqlite, divided), DIVIDED.prepared(Dialect::Sqlite, WHOLE));
        assert_eq!((sqlite.names.as_slice(), whole.names.as_slice()), (&["alike", "batch"][..], &["batch"][..]));
        assert!(sqlite.text.contains("json_extract(value, '$.id') as id, json_extract(?1, '$.state') as state"));
        assert!(whole.text.contains("json_extract(value, '$.state') as state"));
        let postgres = DIVIDED.prepared(Dialect::Postgres, divided);
        assert!(
            postgres
                .text
                .contains("own (id bigint), json_to_record(cast($2 as json)) as alike (state text, n bigint)) batch")
        );
    }

    #[test]
    fn an_answer_stands_only_where_it_is_asked_for() {
        static WRITE: Statement = Statement::new("write", "update t set x = :x\n{if answer: returning x}");
        assert_eq!(WRITE.prepared(Dialect::Sqlite, WHOLE).text, "update t set x = ?1");
        let answering = Shape { has_answer: true, ..WHOLE };
        assert_eq!(WRITE.prepared(Dialect::Sqlite, answering).text, "update t set x = ?1\nreturning x");
    }

    #[test]
    fn an_optional_clause_stands_only_where_it_is_asked_for() {
        static OPTIONAL: Statement =
            Statement::new("optional", "select a\nwhere x = :x\n  {if y: and y = :y}\nlimit 1");
        assert_eq!(OPTIONAL.prepared(Dialect::Postgres, WHOLE).text, "select a\nwhere x = $1\nlimit 1");
        let composed = OPTIONAL.composed(Dialect::Postgres, &|name| name == "y");
        assert_eq!(composed.text, "select a\nwhere x = $1\nand y = $2\nlimit 1");
        assert_eq!(composed.names, ["x", "y"]);
    }
}
