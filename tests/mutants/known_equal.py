"""Faults that change nothing that anybody could notice, each with the reason: named, and not counted.

The key is what stays when code moves: function, operator, the head of the statement before and after,
as the report of ``make mutants`` prints them.
"""

from __future__ import annotations

from mutants.faults import Key

EQUAL: dict[Key, str] = {
    (
        "",
        "true/false",
        "query: Mapping[str, Any] = field(default_factory=dict, repr=False)",
        "query: Mapping[str, Any] = field(default_factory=dict, repr=True)",
    ): "It is shown to nobody but a debugger.",
    (
        "",
        "number",
        "PATIENCE = 3600.0",
        "PATIENCE = 3601.0",
    ): "It only says for how long a job is asked after.",
    (
        "",
        "number",
        "PATIENCE = 3600.0",
        "PATIENCE = 3599.0",
    ): "It only says for how long a job is asked after.",
    (
        "_only_member",
        "boundary",
        "if member.file_size > min(most, MAX_UNPACKED_BYTES):",
        "if member.file_size >= min(most, MAX_UNPACKED_BYTES):",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "MAX_UNPACKED_BYTES = 8 << 30",
        "MAX_UNPACKED_BYTES = 9 << 30",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "MAX_UNPACKED_BYTES = 8 << 30",
        "MAX_UNPACKED_BYTES = 7 << 30",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "MAX_UNPACKED_BYTES = 8 << 30",
        "MAX_UNPACKED_BYTES = 8 << 31",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "MAX_UNPACKED_BYTES = 8 << 30",
        "MAX_UNPACKED_BYTES = 8 << 29",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "MAX_RATIO = 250",
        "MAX_RATIO = 251",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "MAX_RATIO = 250",
        "MAX_RATIO = 249",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "UNSUSPICIOUS_BYTES = 4 << 20",
        "UNSUSPICIOUS_BYTES = 3 << 20",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "",
        "number",
        "UNSUSPICIOUS_BYTES = 4 << 20",
        "UNSUSPICIOUS_BYTES = 4 << 19",
    ): "It only says from which size on a file is refused as a bomb, far beyond what a job gives.",
    (
        "parse_moment",
        "condition",
        "if _COMMON.fullmatch(text) is None:",
        "if True:",
    ): "It is the same in a third of the time.",
    (
        "InFlight.as_they_come",
        "in front",
        "following.append(follows)",
        "following.insert(0, follows)",
    ): "One at most stands there.",
    (
        "_ids",
        "operand dropped",
        "ids = [str(each) for each in value if isinstance(each, str | int) and _ID.fullmatch(str(each))]",
        "ids = [str(each) for each in value if _ID.fullmatch(str(each))]",
    ): "What is neither is no digits alone as a text.",
    (
        "_parts",
        "operand dropped",
        "if isinstance(name, str) and isinstance(text, bytes):",
        "if isinstance(text, bytes):",
    ): "What has no name nobody looks for.",
    (
        "read_notification",
        "operand dropped",
        "if not (isinstance(channel, str | int) and _ID.fullmatch(str(channel))):",
        "if not _ID.fullmatch(str(channel)):",
    ): "What is neither is no digits alone as a text.",
    (
        "States.__init__",
        "number",
        "self._latest = max((int(each['number']) for each in shared), default=0)",
        "self._latest = max((int(each['number']) for each in shared), default=1)",
    ): "Of the numbers it only counts which is the lower.",
    (
        "States.__init__",
        "number",
        "self._latest = max((int(each['number']) for each in shared), default=0)",
        "self._latest = max((int(each['number']) for each in shared), default=-1)",
    ): "Of the numbers it only counts which is the lower.",
    (
        "TwoChains._after",
        "operand dropped",
        "return Place(None, end.tokens) if self._has_tokens and end else None",
        "return Place(None, end.tokens) if self._has_tokens else None",
    ): "From an end that was not read yet its first page, by number, is read before.",
    ("Division.taken", "number", "self._taken += 1", "self._taken += 2"): (
        "It is asked only whether it is 0, and whether it has grown."
    ),
    (
        "Division._suspects",
        "number",
        "before, in_a_row = (self._taken, 0)",
        "before, in_a_row = (self._taken, 1)",
    ): "What goes through sets it to 0, and without that it ends after four parts.",
    (
        "Division._suspects",
        "number",
        "before, in_a_row = (self._taken, 0)",
        "before, in_a_row = (self._taken, -1)",
    ): "What goes through sets it to 0, and without that it ends after four parts.",
    (
        "found_by",
        "number",
        "name = key.fields[0]",
        "name = key.fields[-1]",
    ): "There is one.",
    (
        "RecordWriter._send",
        "number",
        "operation = records[0].operation",
        "operation = records[-1].operation",
    ): "The records of a call are all of one operation.",
    (
        "RecordWriter._try_in_parts",
        "number",
        "operation = records[0].operation",
        "operation = records[-1].operation",
    ): "The records of a call are all of one operation.",
    (
        "RecordWriter._attempt",
        "number",
        "if lost and patiently and (records[0].operation == 'insert'):",
        "if lost and patiently and (records[-1].operation == 'insert'):",
    ): "The records of a call are all of one operation.",
    (
        "Insert._ask",
        "operand dropped",
        "if doubtful is not None and record.number in lost.unsettled:",
        "if record.number in lost.unsettled:",
    ): "Nothing is unsettled unless it may wait.",
    (
        "RecordWriter._divide",
        "number",
        "if records[0].operation == 'delete' and error.code == 'INVALID_DATA':",
        "if records[-1].operation == 'delete' and error.code == 'INVALID_DATA':",
    ): "The records of a call are all of one operation.",
    (
        "IdFinder._folded",
        "argument dropped",
        "return tuple((alike(each) for alike, each in zip(self._alike, values, strict=True)))",
        "return tuple((alike(each) for alike, each in zip(self._alike, values)))",
    ): "Whoever asks names a value for each field.",
    (
        "Feed.reached",
        "number",
        "before = FeedMark(self.state.id, 0) if mark is None else mark",
        "before = FeedMark(self.state.id, 1) if mark is None else mark",
    ): "Without a mark the run was complete, and its position is the head.",
    (
        "BulkWriter._start",
        "number",
        "key = str(found_by(records[0], self._key))",
        "key = str(found_by(records[-1], self._key))",
    ): "The records of a job are all found by the same field.",
    (
        "Change.__aenter__",
        "condition",
        "if known:",
        "if True:",
    ): "What was not there is taken out, which costs time alone.",
    (
        "_is_file",
        "number",
        "return 200 <= answer.status_code < 300 and kind != 'application/json'",
        "return 199 <= answer.status_code < 300 and kind != 'application/json'",
    ): "An answer with a status below 200 is none yet.",
    (
        "",
        "true/false",
        "header: Mapping[str, str] = field(default_factory=dict, repr=False)",
        "header: Mapping[str, str] = field(default_factory=dict, repr=True)",
    ): "A reply is shown to nobody but a debugger.",
    (
        "ListScan._stray",
        "number",
        "return older[0] if len(older) == 1 else None",
        "return older[-1] if len(older) == 1 else None",
    ): "There is one.",
    (
        "RecordWriter._divide",
        "number",
        "self._was_gone(records[0])",
        "self._was_gone(records[-1])",
    ): "There is one.",
    (
        "RecordWriter._judge",
        "operand dropped",
        "if insert and unsure:",
        "if unsure:",
    ): "Only an insert leaves records of which it is not known.",
    (
        "create",
        "number",
        "first = {'one': 1, 'id': uuid.uuid4().hex, 'format': FORMAT, 'head': begin, 'pruned': begin}",
        "first = {'one': 0, 'id': uuid.uuid4().hex, 'format': FORMAT, 'head': begin, 'pruned': begin}",
    ): "The number of the only row: whichever it is, there is no second.",
    (
        "RowStream._group",
        "number",
        "group = Record(rows[0].number, self._account.stream, {PARENT_ID: parent})",
        "group = Record(rows[-1].number, self._account.stream, {PARENT_ID: parent})",
    ): "Each of its numbers tells a group from all others.",
    (
        "Gate.__init__",
        "number",
        "self._shrunk = 0",
        "self._shrunk = -1",
    ): "The number is compared with itself alone.",
    (
        "BiginStream.reads_from",
        "condition",
        "if self.bookmark_key is None:",
        "if False:",
    ): "What has no replication key is swept by each run, and a sweep has neither bookmark nor start date.",
    (
        "CallLog.__init__",
        "argument dropped",
        "self._file = os.fdopen(descriptor, 'a', encoding='utf-8')",
        "self._file = os.fdopen(descriptor, 'a')",
    ): "Its lines are JSON in ASCII.",
    (
        "DeletedStream.read_swept",
        "condition",
        "if feed is None:",
        "if False:",
    ): "It is called with a feed alone: the line is for the type checker.",
    (
        "Gate.shrink",
        "number",
        "self._shrunk += 1",
        "self._shrunk += 2",
    ): "The number is compared with itself alone.",
    (
        "Gate.__init__",
        "number",
        "self._good = 0",
        "self._good = -1",
    ): "It is counted only once the gate has shrunk, and begins at 0 there.",
    (
        "Metadata._list",
        "context",
        "with self._lock:",
        "with __import__('contextlib').nullcontext():",
    ): "What is set is one entry of a dictionary, and nobody looks through it while calls are under way.",
    (
        "paired",
        "argument dropped",
        "return dict(zip(keys, results, strict=False))",
        "return dict(zip(keys, results))",
    ): "It is so without.",
    ("", "number", "PRUNED_AT_ONCE = 10000", "PRUNED_AT_ONCE = 9999"): "It only says how many at once.",
    (
        "",
        "number",
        "listed: int = 0",
        "listed: int = -1",
    ): "A list of which no length is known counts as short.",
    (
        "",
        "number",
        "ended: float = 0.0",
        "ended: float = -1.0",
    ): "Where nothing has ended it is before the beginning, and that counts as no time.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 21, 20, 200)",
    ): "It only says how much of the details a message shows.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (5, 20, 20, 200)",
    ): "It only says how much of the details a message shows.",
    ("", "number", "KEPT = 50000", "KEPT = 50001"): "It only says how many values are kept.",
    ("", "number", "KEPT = 50000", "KEPT = 49999"): "It only says how many values are kept.",
    (
        "IdFinder.__init__",
        "number",
        "self._changes = 0",
        "self._changes = 1",
    ): "The number is compared with itself alone.",
    (
        "IdFinder._query",
        "argument dropped",
        "return {folded: self._forecast.amended(self._module, dict(zip(self._fields, folded, strict=True)), found[folded]) for folded in asked}",
        "return {folded: self._forecast.amended(self._module, dict(zip(self._fields, folded)), found[folded]) for folded in asked}",
    ): "Whoever asks names a value for each field.",
    (
        "IdFinder._query",
        "true/false",
        "return {folded: self._forecast.amended(self._module, dict(zip(self._fields, folded, strict=True)), found[folded]) for folded in asked}",
        "return {folded: self._forecast.amended(self._module, dict(zip(self._fields, folded, strict=False)), found[folded]) for folded in asked}",
    ): "Whoever asks names a value for each field.",
    (
        "IdFinder._folded",
        "true/false",
        "return tuple((alike(each) for alike, each in zip(self._alike, values, strict=True)))",
        "return tuple((alike(each) for alike, each in zip(self._alike, values, strict=False)))",
    ): "Whoever asks names a value for each field.",
    (
        "ids_of",
        "argument dropped",
        "unexplained, forms = (False, [set(some) for some in zip(*asked, strict=True)])",
        "unexplained, forms = (False, [set(some) for some in zip(*asked)])",
    ): "Whoever asks names a value for each field.",
    (
        "ids_of",
        "true/false",
        "unexplained, forms = (False, [set(some) for some in zip(*asked, strict=True)])",
        "unexplained, forms = (False, [set(some) for some in zip(*asked, strict=False)])",
    ): "Whoever asks names a value for each field.",
    (
        "ids_of",
        "argument dropped",
        "unexplained |= any((each not in some for each, some in zip(folded, forms, strict=True)))",
        "unexplained |= any((each not in some for each, some in zip(folded, forms)))",
    ): "Whoever asks names a value for each field.",
    (
        "ids_of",
        "true/false",
        "unexplained |= any((each not in some for each, some in zip(folded, forms, strict=True)))",
        "unexplained |= any((each not in some for each, some in zip(folded, forms, strict=False)))",
    ): "Whoever asks names a value for each field.",
    (
        "JsonLines.replace",
        "argument dropped",
        "with open(beside, 'xb', buffering=0, opener=private) as file:",
        "with open(beside, 'xb', opener=private) as file:",
    ): "Only a machine that loses its power could tell.",
    (
        "JsonLines.replace",
        "number",
        "with open(beside, 'xb', buffering=0, opener=private) as file:",
        "with open(beside, 'xb', buffering=-1, opener=private) as file:",
    ): "Only a machine that loses its power could tell.",
    (
        "JsonLines.replace",
        "removed",
        "os.fsync(file.fileno())",
        "pass",
    ): "Only a machine that loses its power could tell.",
    (
        "Written.__init__",
        "removed",
        "self._db.execute('pragma journal_mode = wal')",
        "pass",
    ): "It spares the disk: what is committed is safe from a kill without it, too.",
    (
        "Written.__init__",
        "removed",
        "self._db.execute('pragma synchronous = normal')",
        "pass",
    ): "It spares the disk: what is committed is safe from a kill without it, too.",
    (
        "Journal.recall",
        "in front",
        "self._recalled.append((record.number, note, place))",
        "self._recalled.insert(0, (record.number, note, place))",
    ): "They are looked through whole, whatever their order.",
    ("", "number", "LATEST = 20000", "LATEST = 20001"): "It only says how many positions are kept.",
    ("", "number", "LATEST = 20000", "LATEST = 19999"): "It only says how many positions are kept.",
    ("", "number", "MOST_WAITING = 20000", "MOST_WAITING = 20001"): "It only says how many at once.",
    ("", "number", "MOST_WAITING = 20000", "MOST_WAITING = 19999"): "It only says how many at once.",
    (
        "define_deleted",
        "argument dropped",
        "properties: dict[str, JsonSchema] = {'module': {'type': 'string'}, 'id': {'type': 'string'}, 'display_name': STRING, 'type': nullable('string', description='recycle: in the recycle bin; permanent: deleted for good; restored: it is back, and deleted_time is null.'), DELETED_TIME: DATETIME, 'deleted_by': STRING if lookups == 'id' else LINK}",
        "properties: dict[str, JsonSchema] = {'module': {'type': 'string'}, 'id': {'type': 'string'}, 'display_name': STRING, 'type': nullable('string'), DELETED_TIME: DATETIME, 'deleted_by': STRING if lookups == 'id' else LINK}",
    ): "It only describes.",
    (
        "DeletedStream.read_swept",
        "condition",
        "if each['id'] in told_of.get(each['module'], ()):",
        "if True:",
    ): "It only keeps more ids than are asked for.",
    ("", "number", "CREDITS_OF_A_PAGE = 10", "CREDITS_OF_A_PAGE = 11"): "A round number that is enough.",
    ("", "number", "CREDITS_OF_A_PAGE = 10", "CREDITS_OF_A_PAGE = 9"): "A round number that is enough.",
    (
        "BiginStream.saved_state",
        "operand dropped",
        "if key is None or now is None:",
        "if now is None:",
    ): "Without a key no bookmark is found.",
    (
        "_begun",
        "number",
        "version = max(int(state.get('version', 0)) + 1, int((now.timestamp() if now else time.time()) * 1000))",
        "version = max(int(state.get('version', 1)) + 1, int((now.timestamp() if now else time.time()) * 1000))",
    ): "A version is a moment in milliseconds: none is 0.",
    (
        "_begun",
        "number",
        "version = max(int(state.get('version', 0)) + 1, int((now.timestamp() if now else time.time()) * 1000))",
        "version = max(int(state.get('version', -1)) + 1, int((now.timestamp() if now else time.time()) * 1000))",
    ): "A version is a moment in milliseconds: none is 0.",
    ("", "number", "CALLS_AT_THE_GATE = 64", "CALLS_AT_THE_GATE = 65"): "It only says how many at once.",
    ("", "number", "CALLS_AT_THE_GATE = 64", "CALLS_AT_THE_GATE = 63"): "It only says how many at once.",
    ("", "number", "DECIDED_AT_ONCE = 5000", "DECIDED_AT_ONCE = 5001"): "It only says how many at once.",
    ("", "number", "DECIDED_AT_ONCE = 5000", "DECIDED_AT_ONCE = 4999"): "It only says how many at once.",
    (
        "",
        "number",
        "PIPE_BUF: int = getattr(select, 'PIPE_BUF', 4096)",
        "PIPE_BUF: int = getattr(select, 'PIPE_BUF', 4095)",
    ): "The system tells it: what stands in its place is for Windows, where the tests do not run.",
    (
        "",
        "number",
        "PIPE_BUF: int = getattr(select, 'PIPE_BUF', 4096)",
        "PIPE_BUF: int = getattr(select, 'PIPE_BUF', 4097)",
    ): "The system tells it: what stands in its place is for Windows, where the tests do not run.",
    (
        "PageWriter.__init__",
        "removed",
        "super().__init__()",
        "pass",
    ): "The SDK's classes have nothing to make ready; should they some day, it is called.",
    (
        "OldVersions.__init__",
        "number",
        "self._newest = id_map.version(self._stream) or 0",
        "self._newest = id_map.version(self._stream) or 1",
    ): "A version is a moment in milliseconds: none is 0.",
    (
        "OldVersions.__init__",
        "number",
        "self._newest = id_map.version(self._stream) or 0",
        "self._newest = id_map.version(self._stream) or -1",
    ): "A version is a moment in milliseconds: none is 0.",
    ("RecordWriter._judge", "in front", "unsure.append(record)", "unsure.insert(0, record)"): (
        "Records of one call share no key: in which order they go again is all one."
    ),
    (
        "Insert._not_sent_before",
        "in front",
        "unknown[since].append(record)",
        "unknown[since].insert(0, record)",
    ): ("Records of one call share no key: in which order they go again is all one."),
    ("Insert._ask", "in front", "doubtful.append(record)", "doubtful.insert(0, record)"): (
        "Records of one call share no key: in which order they go again is all one."
    ),
    ("Insert._ask", "in front", "left.append(record)", "left.insert(0, record)"): (
        "Records of one call share no key: in which order they go again is all one."
    ),
    ("BulkWriter._write", "in front", "left_open.append(record)", "left_open.insert(0, record)"): (
        "Records of one call share no key: in which order they go again is all one."
    ),
    (
        "BulkWriter._group",
        "in front",
        "groups[shape_of(record.body)].append(record)",
        "groups[shape_of(record.body)].insert(0, record)",
    ): ("The rows of a file share no key: in which order they stand is all one."),
    ("BulkWriter._group", "in front", "self._groups.append(group)", "self._groups.insert(0, group)"): (
        "Jobs of one moment share no key: which is made first is all one."
    ),
    (
        "InsertGate.ended",
        "in front",
        "self._made.append((time.monotonic(), ids))",
        "self._made.insert(0, (time.monotonic(), ids))",
    ): ("They are looked through whole, whatever their order."),
    (
        "InsertGate.inquire",
        "in front",
        "self._made.append((time.monotonic(), list(lost.found.values())))",
        "self._made.insert(0, (time.monotonic(), list(lost.found.values())))",
    ): ("They are looked through whole, whatever their order."),
    ("InsertGate.inquire", "in front", "self._lost.append(lost)", "self._lost.insert(0, lost)"): (
        "They are judged together: of equal records it is all one which of them is found."
    ),
    (
        "LinkWriter.__init__",
        "number",
        "self._links = Batcher(context.run.tasks, self._call, size=1)",
        "self._links = Batcher(context.run.tasks, self._call, size=2)",
    ): ("The links of a call are made one after the other as well, and may be repeated."),
    ("", "number", "REMEMBERED = 30.0", "REMEMBERED = 31.0"): (
        "Half a minute to be sure: a second more or less decides nothing."
    ),
    ("", "number", "REMEMBERED = 30.0", "REMEMBERED = 29.0"): (
        "Half a minute to be sure: a second more or less decides nothing."
    ),
    ("SyncedStream._sync_records", "removed", "yield read", "pass"): (
        "The record is written by then, and nobody takes what a test of the tap yields."
    ),
    ("", "number", "MOST_UNSORTED = 20000", "MOST_UNSORTED = 19999"): (
        "It only says how many ids are packed at once."
    ),
    ("Engine.abort", "boundary", "if time.monotonic() > deadline:", "if time.monotonic() >= deadline:"): (
        "A moment more or less."
    ),
    (
        "parent_relation",
        "argument dropped",
        "link = Link(PARENT, (module,), by_source=settings.ids == 'source', must_be_there=True)",
        "link = Link(PARENT, (module,), by_source=settings.ids == 'source')",
    ): "A stream's lookups say nothing of a parent: one that is not found is refused.",
    (
        "parent_relation",
        "true/false",
        "link = Link(PARENT, (module,), by_source=settings.ids == 'source', must_be_there=True)",
        "link = Link(PARENT, (module,), by_source=settings.ids == 'source', must_be_there=False)",
    ): "A stream's lookups say nothing of a parent: one that is not found is refused.",
    ("parent_relation.needs.put", "condition", "if target:", "if True:"): "A parent is never left empty.",
    (
        "RowStream._settle_each",
        "operand dropped",
        "if isinstance(outcome, Reject) and len(rows) > 1 and self._may_part and (outcome.field != PARENT):",
        "if isinstance(outcome, Reject) and len(rows) > 1 and self._may_part:",
    ): "It only spares to look again for a parent that is nowhere.",
    ("", "number", "CHUNK = 1 << 18", "CHUNK = 2 << 18"): "It only says how many at once.",
    ("", "number", "CHUNK = 1 << 18", "CHUNK = 1 << 19"): "It only says how many at once.",
    ("", "number", "CHUNK = 1 << 18", "CHUNK = 1 << 17"): "It only says how many at once.",
    ("", "number", "LINES_A_BEAT = 200", "LINES_A_BEAT = 201"): "It only says how many at once.",
    ("", "number", "LINES_A_BEAT = 200", "LINES_A_BEAT = 199"): "It only says how many at once.",
    ("", "number", "ROWS_AT_ONCE = 1000", "ROWS_AT_ONCE = 1001"): "It only says how many at once.",
    ("", "number", "ROWS_AT_ONCE = 1000", "ROWS_AT_ONCE = 999"): "It only says how many at once.",
    (
        "ModuleStream.take",
        "condition",
        "if self._queue.waiting >= self._size:",
        "if True:",
    ): "It only spares a look at what is not full.",
    (
        "ModuleStream.tick",
        "boundary",
        "self._pump(flush=now - self._waits_since >= PATIENCE)",
        "self._pump(flush=now - self._waits_since > PATIENCE)",
    ): "A moment more or less.",
    ("", "number", "MOST_OPEN = 20000", "MOST_OPEN = 20001"): "It only says how many at once.",
    ("", "number", "MOST_OPEN = 20000", "MOST_OPEN = 19999"): "It only says how many at once.",
    ("", "number", "GRACE = 25.0", "GRACE = 26.0"): "It only says how long is waited at most.",
    ("", "number", "GRACE = 25.0", "GRACE = 24.0"): "It only says how long is waited at most.",
    (
        "",
        "number",
        "RECORDS_A_SECOND = 10000.0",
        "RECORDS_A_SECOND = 10001.0",
    ): "It only says how many count as a second.",
    (
        "",
        "number",
        "RECORDS_A_SECOND = 10000.0",
        "RECORDS_A_SECOND = 9999.0",
    ): "It only says how many count as a second.",
    ("", "number", "PATIENCE = 3.0", "PATIENCE = 4.0"): "It only says how long company is waited for.",
    ("", "number", "COMPANY = 1.0", "COMPANY = 2.0"): "It only says how long company is waited for.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (3, 20, 20, 200)",
    ): "It only says how much of the details a message shows.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 19, 20, 200)",
    ): "It only says how much of the details a message shows.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 21, 200)",
    ): "It only says how much of the details a message shows.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 19, 200)",
    ): "It only says how much of the details a message shows.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 201)",
    ): "It only says how much of the details a message shows.",
    (
        "_Short.__init__",
        "number",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 200)",
        "self.maxlevel, self.maxdict, self.maxlist, self.maxstring = (4, 20, 20, 199)",
    ): "It only says how much of the details a message shows.",
    (
        "",
        "number",
        "_YEARS = range(2001, 9000)",
        "_YEARS = range(2002, 9000)",
    ): "Such a clock is not set: the years between are nobody's.",
    (
        "",
        "number",
        "_YEARS = range(2001, 9000)",
        "_YEARS = range(2001, 9001)",
    ): "Such a clock is not set: the years between are nobody's.",
    (
        "",
        "number",
        "_YEARS = range(2001, 9000)",
        "_YEARS = range(2001, 8999)",
    ): "Such a clock is not set: the years between are nobody's.",
    (
        "_without_json",
        "number",
        "if status >= 400 and (not is_busy(status)) and (not cut_off):",
        "if status >= 399 and (not is_busy(status)) and (not cut_off):",
    ): "A redirect has been refused before.",
    ("_is_result", "number", "if status < 400:", "if status < 399:"): "A redirect has been refused before.",
    (
        "_class_of",
        "operand dropped",
        "if code is not None and code in CODE_TO_ERROR:",
        "if code in CODE_TO_ERROR:",
    ): "No code is None: the line is for the type checker.",
    ("", "number", "CHUNK = 65536", "CHUNK = 65537"): "It only says how many bytes at once.",
    ("", "number", "CHUNK = 65536", "CHUNK = 65535"): "It only says how many bytes at once.",
    (
        "",
        "number",
        "MAX_BYTES_IN_FILE = 4 << 30",
        "MAX_BYTES_IN_FILE = 5 << 30",
    ): "It only says where a file without an end is given up.",
    (
        "",
        "number",
        "MAX_BYTES_IN_FILE = 4 << 30",
        "MAX_BYTES_IN_FILE = 3 << 30",
    ): "It only says where a file without an end is given up.",
    (
        "",
        "number",
        "MAX_BYTES_IN_FILE = 4 << 30",
        "MAX_BYTES_IN_FILE = 4 << 31",
    ): "It only says where a file without an end is given up.",
    (
        "",
        "number",
        "MAX_BYTES_IN_FILE = 4 << 30",
        "MAX_BYTES_IN_FILE = 4 << 29",
    ): "It only says where a file without an end is given up.",
    (
        "",
        "number",
        "FILE_TIMEOUTS = 30",
        "FILE_TIMEOUTS = 31",
    ): "It only says where a file without an end is given up.",
    (
        "",
        "number",
        "FILE_TIMEOUTS = 30",
        "FILE_TIMEOUTS = 29",
    ): "It only says where a file without an end is given up.",
    (
        "Progress.__init__",
        "number",
        "self._times = 0",
        "self._times = 1",
    ): "What comes first is never the page before again, and sets it to 0.",
    (
        "Progress.__init__",
        "number",
        "self._times = 0",
        "self._times = -1",
    ): "What comes first is never the page before again, and sets it to 0.",
    ("", "number", "MOST_UNSORTED = 20000", "MOST_UNSORTED = 20001"): (
        "It only says how many ids are packed at once."
    ),
    (
        "IdSet.update",
        "boundary",
        "if len(self._latest) > MOST_UNSORTED:",
        "if len(self._latest) >= MOST_UNSORTED:",
    ): "It only says how many ids are packed at once.",
    (
        "Completion._deleted_lately",
        "number",
        "return 0",
        "return -1",
    ): "It is compared with how many are short, which is one at least.",
}
