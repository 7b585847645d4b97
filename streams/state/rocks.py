"""How RocksDB is opened for the local copy: every option that bounds memory, threads and CPU. Knows no keys."""

from pathlib import Path

from rocksdict import (
    BlockBasedOptions,
    BottommostLevelCompaction,
    Cache,
    CompactOptions,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBufferManager,
    WriteOptions,
)

_MIB = 1 << 20
_MAX_MEMTABLES = 4
_MIN_MEMTABLE_BYTES = 1 * _MIB
_MAX_MEMTABLE_BYTES = 32 * _MIB
_BLOOM_BITS_PER_KEY = 10
_NO_LIMIT = 0


def open_rocks(folder: Path, cache_bytes: int) -> Rdict:
    """Open or create the database. Raises what rocksdict raises: bare `Exception`, the status as its text.

    Blocks and memtables share `cache_bytes`. Filters and indexes come on top, about 4 MB for a million records: in
    the cache they would cost every read two look-ups and be thrown out by a scan.
    """
    options = _options(cache_bytes)
    # Without naming the column family rocksdict takes the options it finds in the folder, which have no filter.
    return Rdict(str(folder), options, column_families={"default": options})


def unlogged() -> WriteOptions:
    """Return options for writing without write-ahead log: a crash loses the memtables, which are the newest writes."""
    options = WriteOptions()
    options.disable_wal = True  # type: ignore[method-assign, assignment]  # a property; the stub says method
    return options


def is_behind(database: Rdict) -> bool:
    """Say whether half of the memtables wait to be written out; when all do, RocksDB makes writes wait."""
    return (database.property_int_value("rocksdb.num-immutable-mem-table") or 0) >= _MAX_MEMTABLES // 2


def scanning(end: bytes) -> ReadOptions:
    """Return options for reading up to `end` (excluded) without pushing what is hot out of the cache."""
    options = ReadOptions()
    options.fill_cache(False)  # type: ignore[call-arg]  # the stub forgets its argument
    options.set_iterate_upper_bound(end)
    return options


def rewriting() -> CompactOptions:
    """Return options for writing all tables of a range anew, without what was deleted or replaced."""
    options = CompactOptions()
    options.set_bottommost_level_compaction(BottommostLevelCompaction.force())
    return options


def _options(cache_bytes: int) -> Options:
    cache = Cache(cache_bytes)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(_tables(cache))
    # Only the last level, where nearly all is: what is soon written again isn't worth compressing.
    options.set_compression_type(DBCompressionType.none())
    options.set_bottommost_compression_type(DBCompressionType.lz4())
    _bound_memtables(options, cache_bytes, cache)
    _never_stall(options)
    _stay_in_the_background(options)
    return options


def _tables(cache: Cache) -> BlockBasedOptions:
    tables = BlockBasedOptions()
    tables.set_block_cache(cache)
    tables.set_block_size(4096)
    tables.set_format_version(5)
    tables.set_bloom_filter(_BLOOM_BITS_PER_KEY, block_based=False)
    return tables


def _bound_memtables(options: Options, cache_bytes: int, cache: Cache) -> None:
    size = min(max(cache_bytes // 8, _MIN_MEMTABLE_BYTES), _MAX_MEMTABLE_BYTES)
    options.set_write_buffer_size(size)
    options.set_max_write_buffer_number(_MAX_MEMTABLES)
    manager = WriteBufferManager.new_write_buffer_manager_with_cache(
        size * _MAX_MEMTABLES, allow_stall=False, cache=cache
    )
    options.set_write_buffer_manager(manager)
    # Most keys asked for are in no memtable: the filter spares walking up to four skip lists.
    options.set_memtable_prefix_bloom_ratio(0.05)
    options.set_memtable_whole_key_filtering(True)


def _never_stall(options: Options) -> None:
    """Let compaction lag rather than writes wait: rocksdict writes, and waits, while it holds the interpreter."""
    options.set_level_zero_file_num_compaction_trigger(6)
    options.set_level_zero_slowdown_writes_trigger(60)
    options.set_level_zero_stop_writes_trigger(120)
    options.set_soft_pending_compaction_bytes_limit(_NO_LIMIT)
    options.set_hard_pending_compaction_bytes_limit(_NO_LIMIT)


def _stay_in_the_background(options: Options) -> None:
    # One thread that flushes and one that compacts. They keep their priority: on a busy machine a nicer one would fall
    # behind, every table that waits to be merged slows each read, and it would hold the lock a writer waits for.
    options.set_max_background_jobs(2)
    options.set_max_file_opening_threads(1)
    options.set_level_compaction_dynamic_level_bytes(True)
    options.set_max_bytes_for_level_base(128 * _MIB)
    options.set_target_file_size_base(32 * _MIB)
    options.set_skip_stats_update_on_db_open(True)
    options.set_stats_dump_period_sec(0)
    options.set_stats_persist_period_sec(0)
    # The manifest names the first and last key of every table, of those long gone too, until it is begun anew: with
    # each change, so that it names no key that is nowhere else. There are a few hundred tables at most.
    options.set_max_manifest_file_size(1)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1 * _MIB)
