"""Archives lose the person, and nobody else."""

from msgspec.structs import replace

from infra.erasure.archives import rewrite_archives
from infra.offline.archive import ArchiveSource, ArchiveWriter
from streams import frames
from streams.log import topics
from streams.model.events import Event, ProfileKeys
from streams.operators.erasing import Person
from streams.ports import LogRecord


def event(profile: str, **keys: str) -> Event:
    return Event(f"m-{len(profile)}", "shop", "web", profile, "page_viewed", 1, 1, ProfileKeys(**keys))


def test_an_archive_keeps_people_whose_ids_are_like_the_erased_ones(tmp_path):
    archive = tmp_path / "one.cqar"
    others = [
        event("user:steve", user_id="steve", email="steve@example.com"),
        event("user:visitor-1", user_id="visitor-1", anonymous_id="visitor-10"),
        replace(event("user:elsewhere", user_id="elsewhere", email="eve@example.com"), workspace="other"),
    ]
    own = [
        event("anon:visitor-1", anonymous_id="visitor-1", email="eve@example.com"),
        event("user:eve@example.com", user_id="eve@example.com"),
    ]
    with archive.open("wb") as file:
        writer = ArchiveWriter(file, 1)
        writer.write(LogRecord(topics.EVENTS, 0, 0, None, frames.encode_events([*others, *own], 1), 1))
    gone = rewrite_archives([archive], Person("shop", ["anon:visitor-1", "email:eve@example.com"]))
    source = ArchiveSource([archive])
    [left] = [frames.decode(record.value).events for record in source.records()]
    source.close()
    assert (gone, left) == ({archive: 2}, others)
