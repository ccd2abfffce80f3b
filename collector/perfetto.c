// SPDX-License-Identifier: Apache-2.0
//
// One sequence of packets: the tracks, then all stacks that events refer to,
// then the events. Each packet is packed by protobuf-c into a buffer of its own
// and appended, so that memory is needed for the trace once only.
#include "collector/perfetto.h"

#include "collector/arena.h"
#include "collector/hmap.h"
#include "collector/shown.h"

#include "proto/perfetto.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE	1
#define FLAG_BEGINS	1
#define FLAG_NEEDS	2
#define CPU_MODE_USER	2
#define PACKET_TAG	"\x0a" // Trace.packet, a message
#define ANNOTATIONS_MAX 4

// Tracks' numbers, unique in the trace; a thread's is its tid + TRACK_THREADS.
enum {
	TRACK_PROCESS = 1,
	TRACK_HEAP = 2,
	TRACK_RSS = 3,
	TRACK_THREADS = 16,
};

typedef Perfetto__Protos__TracePacket packet_t;

struct writer {
	const struct trace *trace;
	const struct snap *snap;
	struct buf *out;
	struct arena arena;
	struct hmap stacks;  // stack id + 1 -> callstack's iid, which is it
	struct hmap frames;  // image << 48 | addr -> first iid << 8 | number
	struct hmap threads; // tids that have a track
	size_t n_frames;     // frames' iids so far
};

static void put_varint(struct buf *b, uint64_t n)
{
	uint8_t bytes[10];
	size_t i = 0;

	for (; n >= 0x80; n >>= 7)
		bytes[i++] = (uint8_t)(n | 0x80);
	bytes[i++] = (uint8_t)n;
	buf_put(b, bytes, i);
}

static void put_packet(struct writer *w, packet_t *p)
{
	size_t n_bytes;
	uint8_t *bytes;

	p->has_trusted_packet_sequence_id = true;
	p->trusted_packet_sequence_id = SEQUENCE;
	p->has_sequence_flags = true;
	if (!p->sequence_flags)
		p->sequence_flags = FLAG_NEEDS;
	n_bytes = perfetto__protos__trace_packet__get_packed_size(p);
	bytes = malloc(n_bytes + 1);
	if (!bytes) {
		w->out->error = w->out->error ? w->out->error : -ENOMEM;
		return;
	}
	perfetto__protos__trace_packet__pack(p, bytes);
	buf_puts(w->out, PACKET_TAG);
	put_varint(w->out, n_bytes);
	buf_put(w->out, bytes, n_bytes);
	free(bytes);
}

static void put_process(struct writer *w)
{
	Perfetto__Protos__ProcessDescriptor d =
		PERFETTO__PROTOS__PROCESS_DESCRIPTOR__INIT;
	Perfetto__Protos__TrackDescriptor t =
		PERFETTO__PROTOS__TRACK_DESCRIPTOR__INIT;
	packet_t p = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	d.has_pid = true;
	d.pid = (int32_t)w->snap->pid;
	d.process_name = (char *)w->snap->comm;
	t.has_uuid = true;
	t.uuid = TRACK_PROCESS;
	t.process = &d;
	p.track_descriptor = &t;
	put_packet(w, &p);
}

static void put_counter_track(struct writer *w, uint64_t uuid, const char *name)
{
	Perfetto__Protos__CounterDescriptor d =
		PERFETTO__PROTOS__COUNTER_DESCRIPTOR__INIT;
	Perfetto__Protos__TrackDescriptor t =
		PERFETTO__PROTOS__TRACK_DESCRIPTOR__INIT;
	packet_t p = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	d.has_unit = true;
	d.unit = PERFETTO__PROTOS__COUNTER_DESCRIPTOR__UNIT__UNIT_SIZE_BYTES;
	t.has_uuid = t.has_parent_uuid = true;
	t.uuid = uuid;
	t.parent_uuid = TRACK_PROCESS;
	t.name = (char *)name;
	t.counter = &d;
	p.track_descriptor = &t;
	put_packet(w, &p);
}

static void put_thread(struct writer *w, uint32_t tid)
{
	Perfetto__Protos__ThreadDescriptor d =
		PERFETTO__PROTOS__THREAD_DESCRIPTOR__INIT;
	Perfetto__Protos__TrackDescriptor t =
		PERFETTO__PROTOS__TRACK_DESCRIPTOR__INIT;
	packet_t p = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	if (!tid || hmap_get(&w->threads, tid) || hmap_put(&w->threads, tid, 1))
		return;
	d.has_pid = d.has_tid = true;
	d.pid = (int32_t)w->snap->pid;
	d.tid = (int32_t)tid;
	d.thread_name = (char *)shown_thread(w->snap, tid);
	t.has_uuid = t.has_parent_uuid = true;
	t.uuid = TRACK_THREADS + (uint64_t)tid;
	t.parent_uuid = TRACK_PROCESS;
	t.thread = &d;
	p.track_descriptor = &t;
	put_packet(w, &p);
}

static void *get(struct writer *w, size_t n, size_t item_bytes)
{
	return arena_get(&w->arena, n, item_bytes);
}

static Perfetto__Protos__InternedString *
make_string(struct writer *w, uint64_t iid, const char *text)
{
	Perfetto__Protos__InternedString *s = get(w, 1, sizeof(*s));
	size_t n = strlen(text);
	uint8_t *copy = get(w, n + 1, 1);

	if (!s || !copy)
		return NULL;
	perfetto__protos__interned_string__init(s);
	memcpy(copy, text, n);
	s->has_iid = s->has_str = true;
	s->iid = iid;
	s->str = (ProtobufCBinaryData){n, copy};
	return s;
}

// A packet of interned data with one string, one mapping, frame or stack: ids
// may be told in as many packets as one likes.
static void put_interned(struct writer *w,
			 const Perfetto__Protos__InternedData *data)
{
	packet_t p = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	p.interned_data = (Perfetto__Protos__InternedData *)data;
	put_packet(w, &p);
}

static void put_mapping(struct writer *w, uint32_t image)
{
	const struct image *im = w->snap->images[image - 1];
	Perfetto__Protos__InternedData data =
		PERFETTO__PROTOS__INTERNED_DATA__INIT;
	Perfetto__Protos__InternedString *path =
		make_string(w, image, im->path);
	Perfetto__Protos__Mapping m = PERFETTO__PROTOS__MAPPING__INIT,
				  *mappings[] = {&m};
	uint64_t path_ids[] = {image};

	if (!path)
		return;
	m.has_iid = m.has_start = m.has_end = true;
	m.iid = image;
	m.start = im->start;
	m.end = im->limit;
	m.n_path_string_ids = 1;
	m.path_string_ids = path_ids;
	data.n_mapping_paths = 1;
	data.mapping_paths = &path;
	data.n_mappings = 1;
	data.mappings = mappings;
	put_interned(w, &data);
}

// A frame without a mapping belongs to one that every trace has: number
// n_images + 1.
static void put_no_mapping(struct writer *w)
{
	Perfetto__Protos__InternedData data =
		PERFETTO__PROTOS__INTERNED_DATA__INIT;
	uint64_t iid = w->snap->n_images + 1;
	Perfetto__Protos__InternedString *path = make_string(w, iid, "[cprof]");
	Perfetto__Protos__Mapping m = PERFETTO__PROTOS__MAPPING__INIT,
				  *mappings[] = {&m};

	if (!path)
		return;
	m.has_iid = true;
	m.iid = iid;
	m.n_path_string_ids = 1;
	m.path_string_ids = &iid;
	data.n_mapping_paths = 1;
	data.mapping_paths = &path;
	data.n_mappings = 1;
	data.mappings = mappings;
	put_interned(w, &data);
}

static void put_frame(struct writer *w, uint64_t iid, const struct frame *f,
		      const char *name)
{
	const struct image *im = shown_image(w->snap, f);
	Perfetto__Protos__InternedData data =
		PERFETTO__PROTOS__INTERNED_DATA__INIT;
	Perfetto__Protos__InternedString *string = make_string(w, iid, name);
	Perfetto__Protos__Frame frame = PERFETTO__PROTOS__FRAME__INIT,
				*frames[] = {&frame};

	if (!string)
		return;
	frame.has_iid = frame.has_function_name_id = true;
	frame.iid = frame.function_name_id = iid;
	frame.has_mapping_id = frame.has_rel_pc = true;
	frame.mapping_id = im ? f->image : w->snap->n_images + 1;
	frame.rel_pc = im ? f->addr - im->start + im->file_offset : f->addr;
	data.n_function_names = 1;
	data.function_names = &string;
	data.n_frames = 1;
	data.frames = frames;
	put_interned(w, &data);
}

// The frames' ids that stand for F, innermost first: *ret_first and so many
// after it.
static uint32_t intern_frame(struct writer *w, const struct frame *f,
			     uint64_t *ret_first)
{
	// 0 is no key, and a process may say any address.
	uint64_t mixed = ((uint64_t)f->image + 1) << 48 ^ (f->addr + 1);
	uint64_t key = mixed ? mixed : 1;
	const uint64_t *known = hmap_get(&w->frames, key);
	struct sym_line lines[SYM_INLINE_MAX];
	char text[SHOWN_NAME_BYTES];
	uint32_t n;

	if (known) {
		*ret_first = *known >> 8;
		return (uint32_t)(*known & 0xff);
	}
	n = shown_names(w->snap, f, text, lines);
	*ret_first = w->n_frames + 1;
	w->n_frames += n;
	for (uint32_t i = 0; i < n; i++)
		put_frame(w, *ret_first + i, f, lines[i].name);
	if (hmap_put(&w->frames, key, *ret_first << 8 | n))
		w->arena.error = -ENOMEM;
	return n;
}

static void put_callstack(struct writer *w, uint32_t stack, uint64_t *ids,
			  size_t n)
{
	Perfetto__Protos__InternedData data =
		PERFETTO__PROTOS__INTERNED_DATA__INIT;
	Perfetto__Protos__Callstack c = PERFETTO__PROTOS__CALLSTACK__INIT,
				    *list[] = {&c};

	c.has_iid = true;
	c.iid = (uint64_t)stack + 1;
	c.n_frame_ids = n;
	c.frame_ids = ids;
	data.n_callstacks = 1;
	data.callstacks = list;
	put_interned(w, &data);
}

static void intern_stack(struct writer *w, uint32_t stack)
{
	const struct snap_stack *st;
	uint64_t *ids, first;
	size_t n = 0;

	if (stack >= w->snap->n_stacks ||
	    hmap_get(&w->stacks, (uint64_t)stack + 1))
		return;
	st = &w->snap->stacks[stack];
	ids = calloc((size_t)st->n * SYM_INLINE_MAX + 1, sizeof(*ids));
	if (!ids || hmap_put(&w->stacks, (uint64_t)stack + 1, 1)) {
		w->arena.error = -ENOMEM;
		free(ids);
		return;
	}
	for (uint32_t i = st->n; i--;) {
		const struct frame *f = &w->snap->frames[st->first + i];
		uint32_t k =
			shown_is(w->snap, f) ? intern_frame(w, f, &first) : 0;

		while (k--)
			ids[n++] = first + k;
	}
	put_callstack(w, stack, ids, n);
	free(ids);
}

struct event {
	Perfetto__Protos__TrackEvent message;
	Perfetto__Protos__DebugAnnotation notes[ANNOTATIONS_MAX];
	Perfetto__Protos__DebugAnnotation *list[ANNOTATIONS_MAX];
};

static void event_init(struct event *e, Perfetto__Protos__TrackEvent__Type type,
		       uint64_t track)
{
	perfetto__protos__track_event__init(&e->message);
	e->message.has_type = e->message.has_track_uuid = true;
	e->message.type = type;
	e->message.track_uuid = track;
	e->message.debug_annotations = e->list;
}

static Perfetto__Protos__DebugAnnotation *note(struct event *e,
					       const char *name)
{
	size_t i = e->message.n_debug_annotations++;

	perfetto__protos__debug_annotation__init(&e->notes[i]);
	e->notes[i].name = (char *)name;
	e->list[i] = &e->notes[i];
	return &e->notes[i];
}

static void note_number(struct event *e, const char *name, uint64_t value)
{
	Perfetto__Protos__DebugAnnotation *a = note(e, name);

	a->has_uint_value = true;
	a->uint_value = value;
}

static void put_event(struct writer *w, uint64_t time_ns, struct event *e)
{
	packet_t p = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	p.has_timestamp = true;
	p.timestamp = time_ns;
	p.track_event = &e->message;
	put_packet(w, &p);
}

static uint64_t track_of(const struct trace_event *e)
{
	return TRACK_THREADS + (uint64_t)e->tid;
}

static void set_stack(struct event *e, const struct trace_event *from)
{
	e->message.has_callstack_iid = true;
	e->message.callstack_iid = (uint64_t)from->stack + 1;
}

static void put_wait(struct writer *w, const struct trace_event *from)
{
	static const char *categories[] = {"lock"};
	char text[SHOWN_STACK_BYTES], holder[SHOWN_NAME_BYTES];
	struct event e;

	event_init(&e, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN,
		   track_of(from));
	e.message.name = (char *)trace_wait_name(from->wait);
	e.message.n_categories = 1;
	e.message.categories = (char **)categories;
	set_stack(&e, from);
	note_number(&e, "lock", from->lock);
	if (from->holder) {
		snprintf(holder, sizeof(holder), "%u %s", from->holder,
			 shown_thread(w->snap, from->holder));
		note(&e, "holder")->string_value = holder;
	}
	shown_stack(w->snap, from->stack, text);
	note(&e, "stack")->string_value = text;
	put_event(w, trace_wait_begin_ns(w->trace, from), &e);
	event_init(&e, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_END,
		   track_of(from));
	put_event(w, from->time_ns, &e);
}

static void put_instant(struct writer *w, const struct trace_event *from,
			const char *name)
{
	static const char *categories[] = {"mark"};
	struct event e;

	event_init(&e, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_INSTANT,
		   track_of(from));
	e.message.name = (char *)name;
	if (from->type == TRACE_MARK) {
		e.message.n_categories = 1;
		e.message.categories = (char **)categories;
	}
	if (from->type == TRACE_UNLOCK) {
		set_stack(&e, from);
		note_number(&e, "others_waited_ns", from->value);
	}
	put_event(w, from->time_ns, &e);
}

static void put_counter(struct writer *w, const struct trace_event *from,
			uint64_t track)
{
	struct event e;

	event_init(&e, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_COUNTER,
		   track);
	e.message.has_counter_value = true;
	e.message.counter_value = (int64_t)from->value;
	put_event(w, from->time_ns, &e);
}

static void put_sample(struct writer *w, const struct trace_event *from)
{
	Perfetto__Protos__PerfSample s = PERFETTO__PROTOS__PERF_SAMPLE__INIT;
	packet_t p = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	s.has_cpu = s.has_pid = s.has_tid = s.has_callstack_iid = true;
	s.has_cpu_mode = true;
	s.pid = w->snap->pid;
	s.tid = from->tid;
	s.callstack_iid = (uint64_t)from->stack + 1;
	s.cpu_mode = CPU_MODE_USER;
	p.has_timestamp = true;
	p.timestamp = from->time_ns;
	p.perf_sample = &s;
	put_packet(w, &p);
}

static void put_one(struct writer *w, const struct trace_event *e)
{
	if (trace_has_stack(e) && e->stack >= w->snap->n_stacks)
		return;
	switch (e->type) {
	case TRACE_CPU:
		put_sample(w, e);
		break;
	case TRACE_WAIT:
		put_wait(w, e);
		break;
	case TRACE_UNLOCK:
		put_instant(w, e, "unlock");
		break;
	case TRACE_BEGIN:
		put_instant(w, e, "thread begins");
		break;
	case TRACE_END:
		put_instant(w, e, "thread ends");
		break;
	case TRACE_HEAP:
		put_counter(w, e, TRACK_HEAP);
		break;
	case TRACE_RSS:
		put_counter(w, e, TRACK_RSS);
		break;
	case TRACE_MARK:
		put_instant(w, e, trace_text(w->trace, e));
		break;
	}
}

// What comes from event NEXT on is cut.
static void put_cut(struct writer *w, size_t next)
{
	const struct trace *t = w->trace;
	size_t n_cut = t->n_cut + (t->n - next);
	struct event e;

	if (!n_cut)
		return;
	event_init(&e, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_INSTANT,
		   TRACK_PROCESS);
	e.message.name = (char *)"trace is full: what follows is missing";
	note_number(&e, "events_missing", n_cut);
	put_event(w, next ? t->events[next - 1].time_ns : t->begin_ns, &e);
}

static void put_head(struct writer *w)
{
	packet_t p = PERFETTO__PROTOS__TRACE_PACKET__INIT;

	p.sequence_flags = FLAG_BEGINS;
	put_packet(w, &p);
	put_process(w);
	put_counter_track(w, TRACK_HEAP, "heap in use");
	put_counter_track(w, TRACK_RSS, "resident memory");
	for (size_t i = 0; i < w->snap->n_threads; i++)
		if (w->snap->threads[i].tid < SNAP_TID_ENDED)
			put_thread(w, w->snap->threads[i].tid);
	put_no_mapping(w);
	for (uint32_t i = 1; i <= w->snap->n_images; i++)
		put_mapping(w, i);
}

void perfetto_write(const struct trace *trace, const struct snap *snap,
		    struct buf *ret)
{
	struct writer w = {.trace = trace, .snap = snap, .out = ret};
	size_t next;

	arena_init(&w.arena);
	hmap_init(&w.stacks);
	hmap_init(&w.frames);
	hmap_init(&w.threads);
	put_head(&w);
	for (next = 0; next < trace->n && ret->n_bytes < TRACE_BYTES_MAX;
	     next++) {
		put_thread(&w, trace->events[next].tid);
		if (trace_has_stack(&trace->events[next]))
			intern_stack(&w, trace->events[next].stack);
		put_one(&w, &trace->events[next]);
	}
	put_cut(&w, next);
	if (w.arena.error && !ret->error)
		ret->error = w.arena.error;
	hmap_fini(&w.stacks);
	hmap_fini(&w.frames);
	hmap_fini(&w.threads);
	arena_fini(&w.arena);
}
