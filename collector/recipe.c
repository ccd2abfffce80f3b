// SPDX-License-Identifier: Apache-2.0
//
// A program captures the same few thousand stacks over and over: walking the
// tree costs tens of nanoseconds a frame's word, unwinding it costs hundreds.
// Most nodes have one edge, kept inside the node; a path's nodes were made one
// after another and so lie side by side in memory. Further edges go to a hash.
#include "collector/recipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Together about 16 MiB, for some 10,000 different stacks.
#define NODES_MAX  (1u << 18)
#define FRAMES_MAX (1u << 18)
#define EDGES_MIN  256u

enum node_type { NODE_ROOT, NODE_REG, NODE_STACK, NODE_LEAF };
enum edge_kind { EDGE_NONE, EDGE_EXACT, EDGE_RELATIVE, EDGE_BEYOND };

// A leaf: at = index of its first frame, child = number of frames.
struct node {
	uint64_t value; // of the first edge
	uint32_t child;
	int32_t at;
	uint8_t type; // enum node_type
	uint8_t kind; // of the first edge, enum edge_kind
};

// An edge that is not a node's first. Owner of the slot when kind is not NONE.
struct edge {
	uint64_t value;
	uint32_t node;
	uint32_t child;
	uint32_t kind;
};

struct recipes {
	struct node *nodes; // nodes[0] is the root
	uint32_t n_nodes;
	uint32_t nodes_capacity;
	struct frame *frames;
	uint32_t n_frames;
	uint32_t frames_capacity;
	struct edge *edges; // open addressing
	uint32_t n_edges;
	uint32_t edges_capacity; // a power of two, at most half full
};

// A value as an edge carries it.
struct key {
	uint64_t value;
	uint32_t kind;
};

struct recipes *recipe_new(void)
{
	struct recipes *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->nodes_capacity = 1024;
	r->frames_capacity = 1024;
	r->edges_capacity = EDGES_MIN;
	r->nodes = malloc(r->nodes_capacity * sizeof(*r->nodes));
	r->frames = malloc(r->frames_capacity * sizeof(*r->frames));
	r->edges = malloc(r->edges_capacity * sizeof(*r->edges));
	if (!r->nodes || !r->frames || !r->edges) {
		recipe_free(r);
		return NULL;
	}
	recipe_clear(r);
	return r;
}

void recipe_free(struct recipes *r)
{
	if (!r)
		return;
	free(r->nodes);
	free(r->frames);
	free(r->edges);
	free(r);
}

void recipe_clear(struct recipes *r)
{
	r->nodes[0] = (struct node){.type = NODE_ROOT};
	r->n_nodes = 1;
	r->n_frames = 0;
	r->n_edges = 0;
	memset(r->edges, 0, r->edges_capacity * sizeof(*r->edges));
}

static uint32_t hash(uint32_t node, const struct key *k)
{
	uint64_t h = k->value ^ ((uint64_t)node << 32) ^ k->kind;

	h *= 0x9e3779b97f4a7c15ull;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(h >> 32);
}

// The child behind that edge of NODE, 0 when there is none (the root is
// nobody's child).
static uint32_t follow(const struct recipes *r, uint32_t node,
		       const struct key *k)
{
	const struct node *n = &r->nodes[node];
	uint32_t mask = r->edges_capacity - 1;

	if (n->value == k->value && n->kind == k->kind)
		return n->child;
	if (r->n_edges == 0)
		return 0;
	for (uint32_t i = hash(node, k) & mask;; i = (i + 1) & mask) {
		const struct edge *e = &r->edges[i];
		if (e->kind == EDGE_NONE)
			return 0;
		if (e->node == node && e->value == k->value &&
		    e->kind == k->kind)
			return e->child;
	}
}

// Reads what node N asks for. The kind of a near value is a guess: a code
// address beside the stack is exact.
static struct key look(const struct recipe_capture *c, const struct node *n)
{
	struct key k = {.kind = EDGE_EXACT};

	if (n->type == NODE_ROOT) {
		k.value = c->variant;
		return k;
	}
	if (n->type == NODE_REG) {
		k.value = c->regs[n->at];
	} else if (n->at < 0 || (uint64_t)n->at + 8 > c->stack_bytes) {
		k.kind = EDGE_BEYOND;
		return k;
	} else {
		memcpy(&k.value, c->stack + n->at, 8);
	}
	if (recipe_is_near(c, k.value)) {
		k.kind = EDGE_RELATIVE;
		k.value -= c->sp;
	}
	return k;
}

uint32_t recipe_find(const struct recipes *r, const struct recipe_capture *c,
		     const struct frame **ret_frames)
{
	uint32_t node = 0;

	while (r->nodes[node].type != NODE_LEAF) {
		struct key k = look(c, &r->nodes[node]);
		uint32_t child = follow(r, node, &k);

		if (!child && k.kind == EDGE_RELATIVE) {
			k.kind = EDGE_EXACT;
			k.value += c->sp;
			child = follow(r, node, &k);
		}
		if (!child)
			return 0;
		node = child;
	}
	*ret_frames = &r->frames[r->nodes[node].at];
	return r->nodes[node].child;
}

static int grow_edges(struct recipes *r)
{
	uint32_t capacity = 2 * r->edges_capacity, mask = capacity - 1;
	struct edge *edges = calloc(capacity, sizeof(*edges));

	if (!edges)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->edges_capacity; i++) {
		const struct edge *e = &r->edges[i];
		struct key k = {.value = e->value, .kind = e->kind};
		uint32_t at = hash(e->node, &k) & mask;

		if (e->kind == EDGE_NONE)
			continue;
		while (edges[at].kind != EDGE_NONE)
			at = (at + 1) & mask;
		edges[at] = *e;
	}
	free(r->edges);
	r->edges = edges;
	r->edges_capacity = capacity;
	return 0;
}

static int link_edge(struct recipes *r, uint32_t node, const struct key *k,
		     uint32_t child)
{
	struct node *n = &r->nodes[node];
	uint32_t mask, at;

	if (n->kind == EDGE_NONE) {
		n->kind = (uint8_t)k->kind;
		n->value = k->value;
		n->child = child;
		return 0;
	}
	if (2 * (r->n_edges + 1) > r->edges_capacity && grow_edges(r) < 0)
		return -ENOMEM;
	mask = r->edges_capacity - 1;
	at = hash(node, k) & mask;
	while (r->edges[at].kind != EDGE_NONE)
		at = (at + 1) & mask;
	r->edges[at] = (struct edge){
		.value = k->value,
		.node = node,
		.child = child,
		.kind = k->kind,
	};
	r->n_edges++;
	return 0;
}

// Room for one more path. -ENOSPC when everything has to be forgotten first.
static int reserve(struct recipes *r, uint32_t n_nodes, uint32_t n_frames)
{
	if (r->n_nodes + n_nodes > NODES_MAX ||
	    r->n_frames + n_frames > FRAMES_MAX)
		return -ENOSPC;
	while (r->n_nodes + n_nodes > r->nodes_capacity) {
		uint32_t capacity = 2 * r->nodes_capacity;
		struct node *nodes =
			realloc(r->nodes, capacity * sizeof(*nodes));
		if (!nodes)
			return -ENOMEM;
		r->nodes = nodes;
		r->nodes_capacity = capacity;
	}
	while (r->n_frames + n_frames > r->frames_capacity) {
		uint32_t capacity = 2 * r->frames_capacity;
		struct frame *frames =
			realloc(r->frames, capacity * sizeof(*frames));
		if (!frames)
			return -ENOMEM;
		r->frames = frames;
		r->frames_capacity = capacity;
	}
	return 0;
}

static struct node make_node(const struct recipe_read *read)
{
	return (struct node){
		.at = read->at,
		.type = read->where == RECIPE_REG ? NODE_REG : NODE_STACK,
	};
}

static struct key make_key(const struct recipe_capture *c,
			   const struct recipe_read *read)
{
	struct key k = {.value = read->value, .kind = EDGE_EXACT};

	if (read->where == RECIPE_BEYOND)
		return (struct key){.kind = EDGE_BEYOND};
	if (!read->is_exact && recipe_is_near(c, read->value)) {
		k.kind = EDGE_RELATIVE;
		k.value -= c->sp;
	}
	return k;
}

// Appends NEW behind edge K of NODE; returns its index, 0 on failure.
static uint32_t append(struct recipes *r, uint32_t node, const struct key *k,
		       const struct node *new)
{
	r->nodes[r->n_nodes] = *new;
	if (link_edge(r, node, k, r->n_nodes) < 0)
		return 0;
	return r->n_nodes++;
}

// The node for READ (NULL: the leaf) behind edge K of NODE, found or made. 0 on
// failure, and when another read stands there: then the frames depended on
// something that was not logged, and nothing may be remembered.
static uint32_t enter(struct recipes *r, uint32_t node, const struct key *k,
		      const struct recipe_read *read)
{
	struct node new = {.at = (int32_t)r->n_frames, .type = NODE_LEAF};
	uint32_t child = follow(r, node, k);

	if (read)
		new = make_node(read);
	if (!child)
		return append(r, node, k, &new);
	if (r->nodes[child].type != new.type || !read ||
	    r->nodes[child].at != new.at)
		return 0;
	return child;
}

void recipe_add(struct recipes *r, const struct recipe_capture *c,
		const struct recipe_log *log, const struct frame *frames,
		uint32_t n_frames)
{
	struct key k = {.value = c->variant, .kind = EDGE_EXACT};
	uint32_t node = 0;
	int error = reserve(r, log->n_reads + 1, n_frames);

	if (error == -ENOSPC) {
		recipe_clear(r);
		error = reserve(r, log->n_reads + 1, n_frames);
	}
	if (error < 0)
		return;
	for (uint32_t i = 0; i < log->n_reads; i++) {
		node = enter(r, node, &k, &log->reads[i]);
		if (!node)
			return;
		k = make_key(c, &log->reads[i]);
	}
	node = enter(r, node, &k, NULL);
	if (!node)
		return;
	r->nodes[node].child = n_frames;
	memcpy(&r->frames[r->n_frames], frames, n_frames * sizeof(*frames));
	r->n_frames += n_frames;
}
