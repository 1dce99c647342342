//! Literals are read as Python reads them; all else is skipped, told, and never executed.

use super::{Literal, Located, Malformed, Module, parse};

fn value(text: &str) -> Literal {
    plain(&parse(&format!("X = {text}\n")).unwrap().find("X").unwrap().value)
}

/// The value with all its lines set to 0, so that tables stay readable.
fn plain(value: &Literal) -> Literal {
    let located = |item: &Located| Located {
        line: 0,
        value: plain(&item.value),
    };
    match value {
        Literal::List(items) => Literal::List(items.iter().map(located).collect()),
        Literal::Dict(entries) => Literal::Dict(
            entries
                .iter()
                .map(|(key, value)| (located(key), located(value)))
                .collect(),
        ),
        Literal::Text(_) | Literal::Number(_) | Literal::Bool(_) | Literal::None | Literal::Other => value.clone(),
    }
}

fn text(text: &str) -> Literal {
    Literal::Text(text.to_owned())
}

fn list(items: &[Literal]) -> Literal {
    Literal::List(items.iter().map(at).collect())
}

fn dict(entries: &[(Literal, Literal)]) -> Literal {
    Literal::Dict(entries.iter().map(|(key, value)| (at(key), at(value))).collect())
}

fn at(value: &Literal) -> Located {
    Located {
        line: 0,
        value: value.clone(),
    }
}

fn skipped(module: &Module) -> Vec<String> {
    module
        .skipped
        .iter()
        .map(|skipped| format!("{}: {}", skipped.line, skipped.what))
        .collect()
}

#[test]
fn strings_of_every_form_are_read() {
    let table = [
        (r"'a'", "a"),
        (r#""it's""#, "it's"),
        ("'a' 'b' ", "ab"),
        ("('a'\n  'b'  # why\n  \"c\")", "abc"),
        ("'''two\nlines'''", "two\nlines"),
        (r#"""""q" and "q" """"#, r#""q" and "q" "#),
        (r"u'\u00e9'", "é"),
        (r"b'\x41'", "A"),
        (r"r'\d\'x'", r"\d\'x"),
        (r"'\101\n\t\\\'\q'", "A\n\t\\'\\q"),
        ("'a\\\nb'", "ab"),
        (r"''", ""),
    ];
    for (python, expected) in table {
        assert_eq!(value(python), text(expected), "{python}");
    }
}

#[test]
fn other_literals_are_read() {
    let number = |digits: &str| Literal::Number(digits.to_owned());
    assert_eq!(value("True"), Literal::Bool(true));
    assert_eq!(value("None"), Literal::None);
    assert_eq!(value("-1_000.5e3"), number("-1_000.5e3"));
    assert_eq!(value("+7"), number("7"));
    assert_eq!(value("[]"), list(&[]));
    assert_eq!(value("()"), list(&[]));
    assert_eq!(value("(1)"), number("1"));
    assert_eq!(value("(1,)"), list(&[number("1")]));
    assert_eq!(value("1, 2"), list(&[number("1"), number("2")]));
    assert_eq!(value("{'a', 'b'}"), list(&[text("a"), text("b")]));
    assert_eq!(value("{}"), dict(&[]));
    assert_eq!(
        value("{'a': [['git', 'pull'],\n  # a comment\n  ['make',],], 'b': {'c': None},}"),
        dict(&[
            (
                text("a"),
                list(&[list(&[text("git"), text("pull")]), list(&[text("make")])])
            ),
            (text("b"), dict(&[(text("c"), Literal::None)])),
        ])
    );
}

#[test]
fn what_would_have_to_be_executed_is_marked_in_its_place() {
    for python in [
        "os.environ['X']",
        "f'{x}'",
        "'a' f'{x}'",
        "'a' + 'b'",
        "'%s' % x",
        "dict(a=1)",
        "lambda: 1",
        "[1][0]",
        "not True",
        "-x",
        r"'\N{DASH}'",
        "",
        "1 if x else 2",
    ] {
        assert_eq!(value(python), Literal::Other, "{python}");
    }
    assert_eq!(
        value("{'a': join(BASE, ['x', {}]), 'b': 'c', key: 'd', **more}"),
        dict(&[
            (text("a"), Literal::Other),
            (text("b"), text("c")),
            (Literal::Other, text("d")),
            (Literal::Other, Literal::Other),
        ])
    );
    assert_eq!(value("[x for x in y]"), list(&[Literal::Other]));
}

#[test]
fn statements_that_are_no_assignments_are_skipped_and_told() {
    let module = parse(
        "#!/usr/bin/python\n'''Words about it.'''\nimport os\nA = 1; B = 'two'\nif A:\n    B = 'three'\n    C = 4\n\
         REPOS['x'] = {}\nREPOS.update(\n  {'a': 1})\nD: dict = {'a': 1}\nE = os.getenv('E')\nE += 1\n[F] = [1]\nA = 2\n",
    )
    .unwrap();
    let names: Vec<&str> = module.assignments.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["A", "B", "D", "E", "A"]);
    assert_eq!(module.find("A").unwrap().value, Literal::Number("2".to_owned()));
    assert_eq!(module.find("B").unwrap().value, text("two"));
    assert_eq!(module.find("E").unwrap().value, Literal::Other);
    assert_eq!(
        skipped(&module),
        [
            "3: a statement that begins with `import`",
            "5: `if` and what is in it",
            "8: a statement that begins with `REPOS`",
            "9: a statement that begins with `REPOS`",
            "13: a statement that begins with `E`",
            "14: a statement that is no assignment",
        ]
    );
}

#[test]
fn every_value_knows_its_line() {
    let module = parse("A = {\n  'x': [\n    1,\n    2],\n}\n").unwrap();
    let Literal::Dict(entries) = &module.find("A").unwrap().value else {
        panic!("a dict");
    };
    assert_eq!((entries[0].0.line, entries[0].1.line), (2, 2));
    let Literal::List(items) = &entries[0].1.value else {
        panic!("a list");
    };
    assert_eq!((items[0].line, items[1].line), (3, 4));
}

#[test]
fn what_is_not_python_is_refused_with_its_line() {
    let deep = format!("A = {}{}\n", "[".repeat(100), "]".repeat(100));
    let table = [
        ("A = 'x\nB = 1\n", 1, "a string that does not end; expected `'`"),
        ("\nA = '''x\n", 2, "a string that does not end; expected `'''`"),
        ("A = {\n'x': [1,\n", 1, "`{` is never closed"),
        ("A = {\n'x': [1}\n", 2, "`}` where `[` of line 2 is open"),
        ("A = 1)\n", 1, "`)` closes nothing"),
        (&deep, 1, "values are nested deeper than 64 levels"),
    ];
    for (python, line, text) in table {
        let expected = Malformed {
            line,
            text: text.to_owned(),
        };
        assert_eq!(parse(python), Err(expected), "{python}");
    }
}

#[test]
fn no_text_makes_the_reader_panic_or_hang() {
    let pieces = [
        "'", "\"\"\"", "\\", "\n", "{", "}", "[", "]", "(", ")", ":", ",", "=", "é", "r'", "f\"", "\\x", "1", "#",
        "X ", "**",
    ];
    for a in pieces {
        for b in pieces {
            for c in pieces {
                let _ = parse(&format!("X = {a}{b}{c}{a}"));
                let _ = parse(&format!("{a}{b} X = {{{c}: {a}}}"));
            }
        }
    }
}
