"""`campaigniq verify-webhook`: files in, a verdict as exit code, reasons that hold no secret."""

import base64
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.cli import VENDOR_IDS, main
from infra.verify_webhook import Recorded, verify_recorded
from ingest.vendors.base import GENUINE, PlainVendor, Verdict
from ingest.vendors.registry import VENDORS

VECTORS = Path(__file__).parents[2] / "vectors" / "webhooks"


def samples() -> Iterator[Any]:
    for vendor in VENDORS:
        for sample in json.loads((VECTORS / f"{vendor}.json").read_bytes()):
            yield pytest.param(vendor, sample, id=f"{vendor}: {sample['name']}")


def recorded(folder: Path, vendor: str, sample: dict[str, Any], **other: Any) -> Recorded:
    raw = base64.b64decode(sample["body_base64"]) if "body_base64" in sample else sample["body"].encode()
    files = {"headers.json": json.dumps(sample["headers"]).encode(), "body.bin": raw}
    files["certificate.pem"] = sample.get("certificate", "").encode()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    by = Recorded(
        vendor, folder / "headers.json", folder / "body.bin", sample["url"], sample.get("method", "POST"),
        (sample["secret"],), sample["now_s"], folder / "certificate.pem" if sample.get("certificate") else None,
    )  # fmt: skip
    return by._replace(**other)


def judged(by: Recorded, **how: Any) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = verify_recorded(by, out, err, **({"as_json": False, "with_events": False} | how))
    return code, out.getvalue(), err.getvalue()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["campaigniq", "verify-webhook", *map(str, arguments)])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture(name="typeform")
def typeform_sample(tmp_path) -> Recorded:
    return recorded(tmp_path, "typeform", json.loads((VECTORS / "typeform.json").read_bytes())[0])


@pytest.fixture(name="options")
def options_of_the_command(typeform) -> list[object]:
    return [
        "typeform", "--headers", typeform.headers, "--body", typeform.body, "--url", typeform.url,
        "--secret", "old", "--secret", typeform.secrets[0], "--now", typeform.now_s,
    ]  # fmt: skip


@pytest.mark.parametrize(("vendor", "sample"), list(samples()))
def test_every_vendors_samples_are_genuine_and_no_longer_with_another_secret(tmp_path, vendor, sample):
    by = recorded(tmp_path, vendor, sample)
    assert judged(by) == (0, f"genuine: {vendor} sent it\n", "")
    code, out, err = judged(by._replace(secrets=("another-secret",)))
    assert (code, out, err.startswith("not genuine: ")) == (1, "", True)


def test_the_command_ends_with_0_for_a_genuine_webhook(monkeypatch, options, capsys):
    assert run(monkeypatch, *options) == 0
    assert capsys.readouterr().out == "genuine: typeform sent it\n"


def test_the_command_ends_with_1_and_a_reason_for_another_body(monkeypatch, options, typeform, capsys):
    typeform.body.write_bytes(b"{}")
    assert run(monkeypatch, *options) == 1
    told = capsys.readouterr()
    assert (told.out, "typeform-signature is not what any live secret gives" in told.err) == ("", True)


def test_without_a_secret_nothing_is_genuine(typeform):
    assert judged(typeform._replace(secrets=()))[0] == 1


def test_json_is_one_object_with_the_reason(typeform):
    assert json.loads(judged(typeform, as_json=True)[1]) == {"genuine": True, "reason": ""}
    code, out, err = judged(typeform._replace(secrets=("x",)), as_json=True)
    told = json.loads(out)
    assert (code, told["genuine"], told["reason"] in err) == (1, False, True)


def test_events_are_what_the_front_door_would_take(typeform):
    _, out, _ = judged(typeform, with_events=True)
    event = json.loads(out.splitlines()[1])
    assert (event["name"], event["profile"]) == ("form_submitted", "email:laura@example.com")
    assert json.loads(judged(typeform, with_events=True, as_json=True)[1])["events"][0]["id"] == event["id"]


def test_a_genuine_webhook_of_no_use_to_the_door_is_genuine_and_says_why(tmp_path):
    sample = json.loads((VECTORS / "hubspot.json").read_bytes())[0]  # its body is no JSON
    code, _, err = judged(recorded(tmp_path, "hubspot", sample), with_events=True)
    assert (code, err.startswith("genuine, but not usable: the body is not JSON")) == (0, True)


@pytest.mark.parametrize("headers", ["[]", "{", '{"a": 1}', '{"a": []}', '"x"'])
def test_headers_that_are_no_object_of_texts_end_with_2(monkeypatch, options, typeform, capsys, headers):
    typeform.headers.write_text(headers)
    assert run(monkeypatch, *options) == 2
    assert "campaigniq: --headers:" in capsys.readouterr().err


def test_header_names_are_read_in_any_case_and_the_first_of_several_values_counts(typeform):
    told = json.loads(typeform.headers.read_text())
    typeform.headers.write_text(json.dumps({"Typeform-Signature": [told["typeform-signature"], "x"]}))
    assert judged(typeform)[0] == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--url", "events.example.com/x"),
        ("--url", "ftp://x/"),
        ("--url", "http://[x"),
        ("--now", "-1"),
        ("--now", "nan"),
        ("--now", "1e300"),
        ("--body", "/nowhere"),
        ("--certificate", "/nowhere"),
    ],
)
def test_unusable_arguments_end_with_2_and_their_name(monkeypatch, options, capsys, option, value):
    assert run(monkeypatch, *options, option, value) == 2
    assert f"campaigniq: {option}:" in capsys.readouterr().err


def test_an_unknown_vendor_ends_with_2_and_the_known_ones(monkeypatch, options, capsys):
    assert run(monkeypatch, "acme", *options[1:]) == 2
    assert "'acme' is not known. Choose one of: " in capsys.readouterr().err


def test_help_names_every_vendor():
    assert set(VENDORS) <= set(VENDOR_IDS.split(", "))


PEM = b"-----BEGIN CERTIFICATE-----"


class Certified(PlainVendor):
    """Believes whatever comes with the right certificate."""

    id = "certified"

    def certificate_url(self, request):
        return "https://certificates.example.com/one.pem"

    def verify(self, request, secrets, now_s, certificate=b""):
        return GENUINE if certificate == PEM else Verdict(False, "the certificate is another")

    def parse(self, request, source, now_ms):
        return []


@pytest.fixture(name="certified")
def certified_vendor(monkeypatch, typeform) -> Recorded:
    monkeypatch.setitem(VENDORS, "certified", Certified())
    return typeform._replace(vendor="certified")


def answering(status: int, content: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, content=content))


def test_a_certificate_is_fetched_from_the_vendors_host(certified):
    assert judged(certified, transport=answering(200, PEM))[0] == 0


def test_a_certificate_that_can_not_be_had_proves_nothing(certified):
    code, _, err = judged(certified, transport=answering(404, PEM))
    assert (code, "its host answers 404" in err) == (1, True)


def test_a_given_certificate_is_used_and_nothing_is_fetched(certified, tmp_path):
    (tmp_path / "one.pem").write_bytes(PEM)
    assert judged(certified._replace(certificate=tmp_path / "one.pem"), transport=answering(500, b""))[0] == 0
