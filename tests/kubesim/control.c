#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "obj.h"
#include "service.h"
#include "watch.h"

enum {
	CONTROL_DOWN_MS_MAX = 3600 * 1000
};

bool
control_is(const char *path)
{
	return strcmp(path, "/sim") == 0 || strncmp(path, "/sim/", 5) == 0;
}

/* Takes over text. */
static void
refuse(struct reply *reply, int code, char *text)
{
	struct json_object *o = json_object_new_object();

	obj_set_str(o, "error", text);
	free(text);
	reply_json(reply, code, o);
}

static void
done(struct reply *reply)
{
	reply_json(reply, 200, json_object_new_object());
}

/* The body; an absent one is an empty object. NULL: refused. */
static struct json_object *
read_object(const struct http_request *req, struct reply *reply)
{
	const char *why = NULL;
	struct json_object *o;

	if (req->body_len == 0)
		return json_object_new_object();
	o = obj_parse(req->body, req->body_len, &why);
	if (json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	refuse(reply, 400, sim_strdup(why != NULL ? why : "expected a JSON object"));
	return NULL;
}

static void
add_fault(struct sim *sim, struct json_object *body, struct reply *reply)
{
	char *error = NULL;
	struct fault *fault = faults_add(&sim->faults, body, &error);
	struct json_object *o;

	if (fault == NULL) {
		refuse(reply, 400, error);
		return;
	}
	watch_meet_fault(sim, fault);
	o = json_object_new_object();
	obj_set(o, "id", json_object_new_int(fault->id));
	reply_json(reply, 201, o);
}

static void
remove_faults(struct sim *sim, const char *id, struct reply *reply)
{
	int n = id[0] == '/' ? atoi(id + 1) : 0;

	if ((id[0] == '/' && n < 1) || !faults_remove(&sim->faults, n)) {
		refuse(reply, 404, sim_strdup("no such fault"));
		return;
	}
	watch_thaw(sim);
	done(reply);
}

static void
handle_faults(struct conn *conn, const char *rest, struct reply *reply)
{
	const char *method = conn->req.method;
	struct json_object *body;

	if (strcmp(method, "GET") == 0 && rest[0] == '\0') {
		reply_json(reply, 200, faults_list(&conn->sim->faults));
	} else if (strcmp(method, "DELETE") == 0) {
		remove_faults(conn->sim, rest, reply);
	} else if (strcmp(method, "POST") == 0 && rest[0] == '\0') {
		body = read_object(&conn->req, reply);
		if (body != NULL)
			add_fault(conn->sim, body, reply);
		json_object_put(body);
	} else {
		refuse(reply, 405, sim_strdup("GET, POST, DELETE"));
	}
}

static void
post_compact(struct conn *conn, struct json_object *body, struct reply *reply)
{
	(void)body;
	store_compact(conn->sim->store);
	done(reply);
}

static void
post_close_watches(struct conn *conn, struct json_object *body, struct reply *reply)
{
	(void)body;
	watch_end_all(conn->sim);
	done(reply);
}

static void
post_down(struct conn *conn, struct json_object *body, struct reply *reply)
{
	int64_t ms = obj_int(body, "ms", 0);

	if (ms < 1 || ms > CONTROL_DOWN_MS_MAX) {
		refuse(reply, 400, sim_asprintf("ms: expected 1 to %d", CONTROL_DOWN_MS_MAX));
		return;
	}
	conn->sim->down_ms = (int)ms;
	conn->keep_alive = false;
	conn->goes_down = true;
	done(reply);
}

static void
post_restore(struct conn *conn, struct json_object *body, struct reply *reply)
{
	struct sim *sim = conn->sim;
	struct conn *c, *next;
	struct snapshot s;
	int r = store_restore(sim->store, obj_int(body, "resourceVersion", 0));

	if (r != 0) {
		refuse(reply, 410,
		    sim_strdup(r == -ESTALE ? "resourceVersion: no longer in the history"
					    : "resourceVersion: in the future, or missing"));
		return;
	}
	cluster_clear(&sim->cluster);
	if (store_snapshot(sim->store, RESOURCE_SERVICES, 0, &s) != 0)
		abort();
	for (size_t i = 0; i < s.count; i++)
		service_claim(&sim->cluster, s.items[i]->json);
	snapshot_fini(&s);
	/* the servers of a restored etcd are new processes */
	for (c = TAILQ_FIRST(&sim->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c != conn)
			conn_close(c);
	}
	done(reply);
}

static struct json_object *
stats(const struct sim *sim)
{
	struct json_object *o = json_object_new_object();

	obj_set(o, "requests", json_object_get(sim->stats.requests));
	obj_set(o, "users", json_object_get(sim->stats.users));
	obj_set(o, "watches", json_object_new_int64((int64_t)sim->watch_count));
	obj_set(o, "connections", json_object_new_int64((int64_t)sim->conn_count));
	obj_set(o, "accepted", json_object_new_int64(sim->stats.accepted));
	obj_set(o, "faults", json_object_new_int64(sim->stats.faults));
	obj_set(o, "bytesIn", json_object_new_int64(sim->stats.bytes_in));
	obj_set(o, "bytesOut", json_object_new_int64(sim->stats.bytes_out));
	obj_set(o, "resourceVersion", json_object_new_int64(store_rv(sim->store)));
	return o;
}

void
control_handle(struct conn *conn, struct reply *reply)
{
	static const struct {
		const char *path;
		void (*fn)(struct conn *conn, struct json_object *body, struct reply *reply);
	} posts[] = {
	    {"/sim/compact", post_compact},
	    {"/sim/close-watches", post_close_watches},
	    {"/sim/down", post_down},
	    {"/sim/restore", post_restore},
	};
	const char *path = conn->req.path;
	struct json_object *body;

	if (strcmp(path, "/sim/faults") == 0 || strncmp(path, "/sim/faults/", 12) == 0) {
		handle_faults(conn, path + strlen("/sim/faults"), reply);
		return;
	}
	if (strcmp(path, "/sim/stats") == 0 && strcmp(conn->req.method, "GET") == 0) {
		reply_json(reply, 200, stats(conn->sim));
		return;
	}
	for (size_t i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
		if (strcmp(path, posts[i].path) != 0 || strcmp(conn->req.method, "POST") != 0)
			continue;
		body = read_object(&conn->req, reply);
		if (body != NULL)
			posts[i].fn(conn, body, reply);
		json_object_put(body);
		return;
	}
	refuse(reply, 404, sim_asprintf("no such control: %s %s", conn->req.method, path));
}
