#include "test.h"

#include <errno.h>

#include "alloc.h"
#include "obj.h"
#include "store.h"

enum {
	HISTORY = 5,
	COLLECTIONS = 2,
};

/* Events as text: "+a@1 ~a@2 -a@3 " */
struct log {
	char text[512];
};

static bool
log_event(void *arg, const struct event *event)
{
	static const char signs[] = {'+', '~', '-'};
	struct log *log = arg;
	size_t n = strlen(log->text);

	snprintf(log->text + n, sizeof(log->text) - n, "%c%s@%lld ", signs[event->type],
	    event->cur->key, (long long)event->rv);
	assert_int_equal(event->rv, event->cur->rv);
	assert_int_equal(event->prev == NULL, event->type == EVENT_ADDED);
	return true;
}

static void
on_event(void *arg, size_t collection, const struct event *event)
{
	if (collection == 0)
		(void)log_event(arg, event);
}

static struct json_object *
object(int n)
{
	struct json_object *o = json_object_new_object();

	obj_set(o, "n", json_object_new_int(n));
	return o;
}

/* "a1 b2 ": keys with their n. */
static void
assert_snapshot(const struct store *store, int64_t rv, const char *wanted)
{
	struct snapshot s;
	char text[256] = "";

	assert_int_equal(store_snapshot(store, 0, rv, &s), 0);
	for (size_t i = 0; i < s.count; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%lld ", s.items[i]->key,
		    (long long)obj_int(s.items[i]->json, "n", -1));
	}
	assert_string_equal(text, wanted);
	assert_int_equal(s.rv, rv != 0 ? rv : store_rv(store));
	snapshot_fini(&s);
}

static void
test_versions(void **state)
{
	struct log log = {""};
	struct store *store = store_new(COLLECTIONS, HISTORY, on_event, &log);
	struct version *v;

	(void)state;
	v = store_put(store, 0, "b", object(1));
	assert_int_equal(v->rv, 1);
	assert_string_equal(obj_str(v->json, "metadata.resourceVersion"), "1");
	assert_string_equal(v->text, "{\"n\":1,\"metadata\":{\"resourceVersion\":\"1\"}}");
	assert_int_equal(v->len, strlen(v->text));
	version_ref(v);
	store_put(store, 1, "x", object(9));
	store_put(store, 0, "a", object(2));
	store_put(store, 0, "b", object(3));
	assert_string_equal(v->text, "{\"n\":1,\"metadata\":{\"resourceVersion\":\"1\"}}");
	version_unref(v);
	v = store_delete(store, 0, "b");
	assert_int_equal(v->rv, 5);
	assert_int_equal(obj_int(v->json, "n", 0), 3);
	assert_null(store_delete(store, 0, "b"));
	assert_int_equal(store_rv(store), 5);
	assert_string_equal(log.text, "+b@1 +a@3 ~b@4 -b@5 ");
	assert_null(store_get(store, 0, "b"));
	assert_null(store_get(store, 0, "x"));
	assert_int_equal(store_get(store, 0, "a")->rv, 3);
	assert_int_equal(store_count(store, 0), 1);
	store_free(store);
}

static void
test_past(void **state)
{
	struct store *store = store_new(COLLECTIONS, HISTORY, NULL, NULL);
	struct snapshot s;

	(void)state;
	store_put(store, 0, "b", object(1));
	store_put(store, 0, "a", object(2));
	store_put(store, 0, "b", object(3));
	store_delete(store, 0, "a");
	store_put(store, 0, "c", object(5));
	assert_snapshot(store, 0, "b3 c5 ");
	assert_snapshot(store, 5, "b3 c5 ");
	assert_snapshot(store, 4, "b3 ");
	assert_snapshot(store, 3, "a2 b3 ");
	assert_snapshot(store, 2, "a2 b1 ");
	assert_snapshot(store, 1, "b1 ");
	assert_int_equal(store_snapshot(store, 0, 6, &s), -ERANGE);
	/* the sixth event pushes the first one out */
	store_put(store, 0, "d", object(6));
	assert_snapshot(store, 1, "b1 ");
	store_put(store, 0, "e", object(7));
	assert_int_equal(store_snapshot(store, 0, 1, &s), -ESTALE);
	assert_snapshot(store, 2, "a2 b1 ");
	store_free(store);
}

static void
test_events_since(void **state)
{
	struct store *store = store_new(COLLECTIONS, HISTORY, NULL, NULL);
	struct log log = {""};
	char key[8];

	(void)state;
	for (int i = 1; i <= 8; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		store_put(store, 0, key, object(i));
	}
	assert_false(store_has_events_since(store, 0, 2));
	assert_true(store_has_events_since(store, 0, 3));
	assert_true(store_has_events_since(store, 0, 99));
	/* the other collection has lost nothing */
	assert_true(store_has_events_since(store, 1, 0));
	store_each_event_since(store, 0, 6, log_event, &log);
	assert_string_equal(log.text, "+k7@7 +k8@8 ");
	store_compact(store);
	assert_false(store_has_events_since(store, 0, 7));
	assert_false(store_has_events_since(store, 1, 7));
	assert_true(store_has_events_since(store, 0, 8));
	log.text[0] = '\0';
	store_each_event_since(store, 0, 8, log_event, &log);
	assert_string_equal(log.text, "");
	assert_snapshot(store, 8, "k11 k22 k33 k44 k55 k66 k77 k88 ");
	store_free(store);
}

static void
test_restore(void **state)
{
	struct store *store = store_new(COLLECTIONS, HISTORY, NULL, NULL);

	(void)state;
	store_put(store, 0, "a", object(1));
	store_put(store, 1, "x", object(2));
	store_put(store, 0, "b", object(3));
	store_delete(store, 1, "x");
	assert_int_equal(store_restore(store, 5), -ERANGE);
	assert_int_equal(store_restore(store, 0), -ERANGE);
	assert_int_equal(store_restore(store, 2), 0);
	assert_int_equal(store_rv(store), 2);
	assert_snapshot(store, 0, "a1 ");
	assert_non_null(store_get(store, 1, "x"));
	assert_false(store_has_events_since(store, 0, 1));
	assert_int_equal(store_restore(store, 1), -ESTALE);
	assert_int_equal(store_put(store, 0, "c", object(9))->rv, 3);
	assert_snapshot(store, 0, "a1 c9 ");
	store_free(store);
}

/* Random writes: every state that is in reach is the one that was. */
static void
test_random(void **state)
{
	enum {
		STEPS = 2000,
		KEYS = 20
	};
	struct store *store = store_new(COLLECTIONS, 100, NULL, NULL);
	static char states[STEPS + 1][256];

	(void)state;
	for (int step = 1; step <= STEPS; step++) {
		char key[8];
		struct snapshot s;
		int64_t rv;

		snprintf(key, sizeof(key), "k%02u", sim_random(KEYS));
		if (store_get(store, 0, key) != NULL && sim_random(3) == 0)
			store_delete(store, 0, key);
		else
			store_put(store, 0, key, object((int)sim_random(10)));
		assert_int_equal(store_snapshot(store, 0, 0, &s), 0);
		for (size_t i = 0; i < s.count; i++) {
			size_t n = strlen(states[step]);

			snprintf(states[step] + n, sizeof(states[step]) - n, "%s%lld ",
			    s.items[i]->key, (long long)obj_int(s.items[i]->json, "n", -1));
		}
		snapshot_fini(&s);
		rv = step - (int64_t)sim_random(100);
		assert_snapshot(store, rv < 1 ? 1 : rv, states[rv < 1 ? 1 : rv]);
	}
	store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_past),
	    cmocka_unit_test(test_events_since),
	    cmocka_unit_test(test_restore),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
