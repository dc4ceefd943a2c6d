use super::*;
use proptest::prelude::*;

const WANTED: &[&str] = &["model", "prompt"];
const TYPE: &str = "multipart/form-data; boundary=x-1";

type Fields = Vec<(&'static str, String)>;

/// Requested fields, and the position and content of all texts.
type Found = (Fields, Vec<(Span, String)>);

fn scan<'a>(content_type: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Found, FormError> {
    let mut scanner = Scanner::new(content_type.as_bytes(), WANTED)?;
    for piece in pieces {
        if let Err(error) = scanner.push(piece) {
            assert_eq!(scanner.push(b"x"), Err(error));
            assert_eq!(scanner.finish(), Err(error));
            return Err(error);
        }
    }
    scanner.finish()?;
    let fields = scanner.fields().iter().map(|field| (field.name, field.value.clone())).collect();
    let texts = scanner.fields().iter().chain(scanner.others());
    Ok((fields, texts.map(|text| (text.span, text.value.clone())).collect()))
}

/// Scans the body in every split into two, and in chunks of every size, with the same result.
fn scan_all(body: &[u8]) -> Result<Fields, FormErrorKind> {
    let whole = scan(TYPE, [body]);
    for size in 1..body.len() {
        assert_eq!(scan(TYPE, body.chunks(size)), whole, "pieces of {size}");
    }
    for cut in 0..=body.len() {
        let (before, after) = body.split_at(cut);
        assert_eq!(scan(TYPE, [before, after]), whole, "cut at {cut}");
    }
    let (fields, texts) = whole.map_err(|error| error.kind)?;
    for (span, value) in texts {
        assert_eq!(span.of(body), value.as_bytes());
    }
    Ok(fields)
}

fn part(headers: &str, content: &str) -> String {
    format!("--x-1\r\n{headers}\r\n\r\n{content}\r\n")
}

fn field(name: &str, content: &str) -> String {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), content)
}

const FILE: &str =
    "Content-Disposition: form-data; name=\"file\"; filename=\"a;b \\\"c\\\".wav\"\r\nContent-Type: audio/wav";

#[test]
fn fields_of_a_form() {
    let model = || vec![("model", "whisper-1".to_owned())];
    let good = field("model", "whisper-1");
    for (parts, want) in [
        (good.clone(), model()),
        (part(FILE, "RIFF\0\r\n\r\n--x\r\n--x-\r\r\n-") + &good, model()),
        (good.clone() + &part(FILE, ""), model()),
        (format!("\r\n\r\n{good}"), model()),
        (part("content-disposition:form-data;name=model", "whisper-1"), model()),
        (part("CONTENT-DISPOSITION: Form-Data ; NAME=model ;", "whisper-1"), model()),
        (
            part(
                "Content-Type: text/plain; charset=UTF-8\r\nContent-Disposition: form-data; name=\"model\"",
                "whisper-1",
            ),
            model(),
        ),
        (part("X-Y: z\r\nContent-Disposition: form-data; name=\"model\"", "whisper-1"), model()),
        (
            part("Content-Transfer-Encoding: 8bit\r\nContent-Disposition: form-data; name=\"model\"", "whisper-1"),
            model(),
        ),
        (field("model", ""), vec![("model", String::new())]),
        (field("model", "\r\n"), vec![("model", "\r\n".to_owned())]),
        (field("prompt", "\"é\" \\u0041\n\r--x-\r\n--y"), vec![("prompt", "\"é\" \\u0041\n\r--x-\r\n--y".to_owned())]),
        (field("n", "1") + &good + &field("prompt", "A cat"), {
            let mut fields = model();
            fields.push(("prompt", "A cat".to_owned()));
            fields
        }),
        (field("n", "1") + &field("n", "2") + &good, model()),
        (field("user", "model") + &field("models", "x") + &field("mode", "y"), vec![]),
    ] {
        for end in ["", "\r\n", "\r\n\r\n", "\n"] {
            assert_eq!(scan_all(format!("{parts}--x-1--{end}").as_bytes()), Ok(want.clone()), "{parts:?}");
        }
    }
}

#[test]
fn ambiguous_forms_are_refused() {
    use FormErrorKind::{Ambiguous, Duplicate, InvalidUtf8, Malformed, NotPlain, TooLarge, TooMany};
    let good = field("model", "a");
    let disposition = "Content-Disposition: form-data; name=\"model\"";
    for (parts, want) in [
        (good.clone() + &good, Duplicate("model")),
        (good.clone() + &field("Model", "b"), Ambiguous("model")),
        (field(" model", "b"), Ambiguous("model")),
        (field("mo\\del", "b"), Ambiguous("model")),
        (part(&format!("{disposition}; filename=\"x\""), "b"), Ambiguous("model")),
        (part(&format!("{disposition}; filename*=UTF-8''x"), "b"), Ambiguous("model")),
        (part(&format!("{disposition}\r\nContent-Transfer-Encoding: base64"), "b"), Ambiguous("model")),
        (part(&format!("{disposition}\r\nContent-Type: text/plain;charset=utf-16"), "b"), Ambiguous("model")),
        (part(&format!("{disposition}; name=\"other\""), "b"), Malformed),
        (part(&format!("{disposition}; name*=UTF-8''other"), "b"), Malformed),
        (part(&format!("{disposition}; name*0=other"), "b"), Malformed),
        (part(&format!("{disposition}\r\n{disposition}"), "b"), Malformed),
        (part("Content-Disposition: form-data", "b"), Malformed),
        (part("Content-Disposition: attachment; name=\"model\"", "b"), Malformed),
        (part("Content-Disposition: form-data; name=\"model", "b"), Malformed),
        (part("Content-Disposition: form-data; name=mo del", "b"), Malformed),
        (part("Content-Disposition: form-data; name=\"model\" x", "b"), Malformed),
        (part("Content-Disposition: form-data;\r\n name=\"model\"", "b"), Malformed),
        (part("Content-Disposition : form-data; name=\"model\"", "b"), Malformed),
        // A field that is only inspected must be read the same everywhere, too.
        (part("Content-Disposition: form-data; name=user\r\nContent-Transfer-Encoding: base64", "YQ=="), NotPlain),
        (part("Content-Disposition: form-data; name=user\r\nContent-Type: text/plain;charset=utf-7", "b"), NotPlain),
        (part("X: y", "b"), Malformed),
        (part("no header", "b"), Malformed),
        (part("X: a\rb", "b"), Malformed),
        (part("X: a\nY: b", "b"), Malformed),
        (part("X: a\0b", "b"), Malformed),
        ("--x-1\r\n\r\nb\r\n".to_owned(), Malformed),
        // Text before the first part, line ends without CR, a boundary that continues.
        (format!("preamble\r\n{good}"), Malformed),
        (format!("\n{good}"), Malformed),
        (good.replace("\r\n", "\n"), Malformed),
        (field("prompt", "a\n--x-1\nb"), Malformed),
        (field("prompt", "a\n--x-1"), Malformed),
        (format!("--x-1\r\n{disposition}\r\n\r\n--x-1\r\n"), Malformed),
        (good.replacen("--x-1\r\n", "--x-1 \r\n", 1), Malformed),
        (field("prompt", "a\r\n--x-1y"), Malformed),
        ("--x-1-".to_owned(), Malformed),
        (String::new(), Malformed),
        (field("prompt", &"a".repeat(MAX_TEXTS + 1)), TooLarge),
        (field("user", &"a".repeat(MAX_TEXTS / 2)) + &field("user", &"a".repeat(MAX_TEXTS / 2)), TooLarge),
        (part(&format!("X: {}", "a".repeat(MAX_HEADERS)), "b"), TooLarge),
        (field("n", "1").repeat(MAX_PARTS + 1), TooMany),
    ] {
        let body = format!("{parts}--x-1--\r\n");
        let small = body.len() < 400;
        let found = if small {
            scan_all(body.as_bytes())
        } else {
            scan(TYPE, body.as_bytes().chunks(700)).map(|_| vec![]).map_err(|error| error.kind)
        };
        assert_eq!(found, Err(want), "{:?}", &body[..body.len().min(200)]);
    }
    let mut invalid = field("model", "aX").into_bytes();
    let at = invalid.iter().rposition(|byte| *byte == b'X').unwrap();
    invalid[at] = 0xff;
    assert_eq!(scan_all(&[&invalid[..], b"--x-1--"].concat()), Err(InvalidUtf8("model")));
    for invalid in [&b"name=user\r\n\r\n\xff\r\n"[..], b"name=file; filename=\xff\r\n\r\n\r\n"] {
        let body = [b"--x-1\r\nContent-Disposition: form-data; ", invalid, b"--x-1--"].concat();
        assert_eq!(scan_all(&body), Err(NotPlain));
    }
    for trailing in ["--x-1\r\n", "x", "\r\nx", " "] {
        assert_eq!(scan_all(format!("{good}--x-1--{trailing}").as_bytes()), Err(Malformed), "{trailing:?}");
    }
}

#[test]
fn everything_except_file_content_is_a_text() {
    let named = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"");
    for (parts, want, has_files) in [
        (field("model", "m"), vec![], false),
        (field("user", "u\r\nv"), vec![named("user"), "u\r\nv".to_owned()], false),
        (part(FILE, "not read"), FILE.split("\r\n").map(str::to_owned).collect(), true),
        // Header content besides the name of a field.
        (
            part("X-Y: z\r\nContent-Disposition: form-data; name=model; x=y", "m"),
            vec!["X-Y: z".to_owned(), "Content-Disposition: form-data; name=model; x=y".to_owned()],
            false,
        ),
        // A file to some receivers, a field to others.
        (
            part("Content-Disposition: form-data; name=a; filename=\"\"", "b"),
            vec!["Content-Disposition: form-data; name=a; filename=\"\"".to_owned(), "b".to_owned()],
            true,
        ),
    ] {
        let body = format!("{parts}--x-1--");
        for size in 1..body.len() {
            let mut scanner = Scanner::new(TYPE.as_bytes(), WANTED).unwrap();
            body.as_bytes().chunks(size).for_each(|piece| scanner.push(piece).unwrap());
            let texts: Vec<&str> = scanner.others().iter().map(|text| text.value.as_str()).collect();
            assert_eq!(texts, want, "{parts}");
            assert_eq!(scanner.has_files(), has_files, "{parts}");
        }
    }
}

#[test]
fn only_file_content_is_not_text() {
    let (before, after) =
        (field("user", "u") + "--x-1\r\n" + FILE + "\r\n\r\n", "\r\n".to_owned() + &field("model", "m"));
    let mut scanner = Scanner::new(TYPE.as_bytes(), WANTED).unwrap();
    for byte in before.bytes() {
        assert!(scanner.is_in_text());
        scanner.push(&[byte]).unwrap();
    }
    for byte in b"RIFF\r\n--x" {
        assert!(!scanner.is_in_text());
        scanner.push(&[*byte]).unwrap();
    }
    for byte in (after + "--x-1--").bytes() {
        scanner.push(&[byte]).unwrap();
        assert!(scanner.place != Place::Headers(false) || scanner.is_in_text());
    }
    assert!(!scanner.is_in_text());
}

#[test]
fn edit_must_not_create_parts() {
    let body = field("user", "a\r\n--SECRETx-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nother");
    for (end, with, want) in
        [("--x-1--", "", false), ("--x-1--", "[secret]", true), ("--x-1\r\n", "", false), ("", "a longer one", true)]
    {
        let body = format!("{body}{end}");
        let mut scanner = Scanner::new(TYPE.as_bytes(), WANTED).unwrap();
        scanner.push(body.as_bytes()).unwrap();
        assert_eq!(scanner.fields().len(), 0);
        assert!(scanner.is_same_form(body.as_bytes()));
        assert_eq!(scanner.is_same_form(body.replace("SECRET", with).as_bytes()), want, "{end} {with}");
    }
}

#[test]
fn truncated_forms_are_refused() {
    let body = field("model", "whisper-1") + &part(FILE, "RIFF") + "--x-1--";
    for cut in 0..body.len() {
        let error = scan(TYPE, [&body.as_bytes()[..cut]]).unwrap_err();
        assert_eq!(error, FormError { kind: FormErrorKind::Truncated, offset: cut });
    }
}

#[test]
fn boundaries() {
    for (content_type, boundary) in [
        ("multipart/form-data; boundary=x-1", Some("x-1")),
        ("Multipart/Form-Data ;charset=utf-8;BOUNDARY=\"a b:c\" ", Some("a b:c")),
        (
            "multipart/form-data; boundary=----WebKitFormBoundaryAbC'()+_,-./=?",
            Some("----WebKitFormBoundaryAbC'()+_,-./=?"),
        ),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/form-data; boundary=a b", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=a; boundary*=b", None),
        ("multipart/form-data; boundary*0=a", None),
        ("multipart/form-data; boundary=\"a", None),
        ("multipart/form-data; boundary=\"a\"b", None),
        ("multipart/form-data; boundary=a@b", None),
        ("multipart/form-data; boundary", None),
        ("multipart/mixed; boundary=a", None),
        ("application/json", None),
        ("", None),
        (
            "multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901234567890",
            Some("1234567890123456789012345678901234567890123456789012345678901234567890"),
        ),
        ("multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", None),
    ] {
        let body = match boundary {
            Some(boundary) => {
                format!("--{boundary}\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--{boundary}--")
            }
            None => String::new(),
        };
        let found = scan(content_type, [body.as_bytes()]).map(|(fields, _)| fields.len()).map_err(|error| error.kind);
        assert_eq!(found, boundary.map(|_| 1).ok_or(FormErrorKind::ContentType), "{content_type}");
    }
}

#[test]
fn file_content_is_not_stored() {
    let mut scanner = Scanner::new(TYPE.as_bytes(), WANTED).unwrap();
    scanner.push(field("model", "m").as_bytes()).unwrap();
    assert!(scanner.field("model").is_none());
    scanner.push(format!("--x-1\r\n{FILE}\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(scanner.field("model").map(|field| field.value.as_str()), Some("m"));
    let file = [0; 64 << 10];
    for _ in 0..100 {
        scanner.push(&file).unwrap();
        assert!(scanner.line.capacity() < 1 << 10);
    }
    scanner.push(b"\r\n--x-1--\r\n").unwrap();
    scanner.finish().unwrap();
    assert!(scanner.taken() > 100 * file.len());
    assert!(!format!("{scanner:?}").contains("value"));
}

#[test]
fn files_have_places() {
    let plain = "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"";
    for (parts, want) in [
        (part(plain, "a\r\nb"), vec![("a\r\nb", true)]),
        (part(plain, ""), vec![("", true)]),
        (part(plain, "\r\n\r\n"), vec![("\r\n\r\n", true)]),
        (part(FILE, "RIFF") + &field("model", "m") + &part(plain, "--x"), vec![("RIFF", true), ("--x", true)]),
        (part(&format!("{plain}\r\nContent-Transfer-Encoding: base64"), "YQ=="), vec![("YQ==", false)]),
        (part(&format!("{plain}\r\nContent-Type: text/csv; charset=utf-16"), "a"), vec![("a", false)]),
        (part(&format!("{plain}\r\nContent-Type: text/csv; charset=utf-8"), "a"), vec![("a", true)]),
        (field("file", "a"), vec![]),
    ] {
        let body = format!("{parts}--x-1--\r\n");
        for size in 1..=body.len() {
            let mut scanner = Scanner::new(TYPE.as_bytes(), WANTED).unwrap();
            body.as_bytes().chunks(size).for_each(|piece| scanner.push(piece).unwrap());
            scanner.finish().unwrap();
            let files: Vec<(&str, bool)> =
                scanner.files().iter().map(|file| (&body[file.span.start..file.span.end], file.is_plain)).collect();
            assert_eq!(files, want, "{parts}");
        }
    }
}

proptest! {
    #[test]
    fn files_are_found_in_any_chunks(
        contents in prop::collection::vec("([a-c\r\n]|--|x-1|é|\"){0,12}", 0..4),
        size in 1usize..40,
    ) {
        let parts: String = contents.iter().map(|content| part(FILE, content) + &field("model2", "m")).collect();
        let body = parts + "--x-1--\r\n";
        let scan = |size| {
            let mut scanner = Scanner::new(TYPE.as_bytes(), WANTED).unwrap();
            let pushed = body.as_bytes().chunks(size).try_for_each(|piece| scanner.push(piece));
            pushed.and_then(|()| scanner.finish()).map(|()| scanner.files().to_vec())
        };
        let whole = scan(body.len());
        prop_assert_eq!(scan(size), whole.clone());
        for (file, content) in whole.unwrap_or_default().iter().zip(&contents) {
            prop_assert_eq!(file.span.of(body.as_bytes()), content.as_bytes());
        }
    }

    #[test]
    fn any_chunking_gives_the_same_result(
        fields in prop::collection::vec(("[mnopx]{1,5}|model|prompt", "([a-c\r\n]|--|x-1|é){0,12}"), 0..5),
        cut in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let parts: String = fields.iter().map(|(name, content)| field(name, content)).collect();
        let body = parts + "--x-1--\r\n";
        let mut cut: Vec<usize> = cut.into_iter().map(|at| at.index(body.len())).chain([0, body.len()]).collect();
        cut.sort_unstable();
        let whole = scan(TYPE, [body.as_bytes()]);
        let pieces = cut.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]);
        prop_assert_eq!(scan(TYPE, pieces), whole.clone());
        if let Ok((found, _)) = whole {
            let want: Fields = fields
                .iter()
                .filter_map(|(name, content)| {
                    Some((*WANTED.iter().find(|wanted| *wanted == name)?, content.clone()))
                })
                .collect();
            prop_assert_eq!(found, want);
        }
    }

    #[test]
    fn any_bytes_are_handled_without_panic(body in "(--x-1|\r\n|-|Content-Disposition: form-data; name=|model|[a-c\n;\"]){0,20}", size in 1usize..9) {
        prop_assert_eq!(scan(TYPE, body.as_bytes().chunks(size)), scan(TYPE, [body.as_bytes()]));
    }
}
