#include "test_kube.h"

#include "kube/event.h"
#include "kube/event_series.h"

static struct kube_event
make_event(const char *service, const char *reason, const char *message)
{
	return (struct kube_event){.namespace = "default",
	    .service = service,
	    .uid = "u1",
	    .resource_version = "7",
	    .reason = reason,
	    .message = message,
	    .host = "node1",
	    .last_usec = INT64_C(1700000000123456)};
}

static void
test_encode(void **state)
{
	struct kube_event event = make_event("web", "IPAllocated", "a \"b\"");
	char *text;

	(void)state;
	event.id = 0xab;
	event.first_usec = event.last_usec;
	event.count = 1;
	text = kube_event_encode(&event);
	assert_string_equal(text,
	    "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"web.00000000000000ab\","
	    "\"namespace\":\"default\"},\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":\"Service\","
	    "\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"u1\",\"resourceVersion\":\"7\"},"
	    "\"reason\":\"IPAllocated\",\"message\":\"a \\\"b\\\"\",\"type\":\"Normal\",\"source\":{"
	    "\"component\":\"metallbd\",\"host\":\"node1\"},\"reportingComponent\":\"metallbd\","
	    "\"reportingInstance\":\"node1\",\"firstTimestamp\":\"2023-11-14T22:13:20Z\","
	    "\"lastTimestamp\":\"2023-11-14T22:13:20Z\",\"count\":1}");
	free(text);
	event.count = 4;
	event.last_usec += 60 * INT64_C(1000000);
	text = kube_event_encode_patch(&event);
	assert_string_equal(text, "{\"count\":4,\"lastTimestamp\":\"2023-11-14T22:14:20Z\"}");
	free(text);
}

static void
test_long_message(void **state)
{
	char message[3000];
	struct kube_event event = make_event("web", "R", message);
	struct json_object *object;
	const char *s;
	char *text;
	size_t i;

	(void)state;
	/* Three bytes a character: 1024 is not divisible by three. */
	for (i = 0; i + 3 < sizeof(message); i += 3)
		memcpy(message + i, "\xe2\x82\xac", 3);
	message[i] = '\0';
	text = kube_event_encode(&event);
	object = kube_test_parse(text);
	assert_int_equal(kube_json_string(object, "message", &s), KUBE_JSON_FOUND);
	assert_int_equal(strlen(s), 1023);
	json_object_put(object);
	free(text);
}

static const mono_t t0 = {1000 * USEC_PER_SEC};

static void
test_series(void **state)
{
	struct kube_event_series *series = kube_event_series_new(1);
	struct kube_event a = make_event("web", "R", "m"), b = make_event("web", "R", "other");
	struct kube_event c = make_event("web2", "R", "m"), w = make_event("web", "R", "m"), n;
	uint64_t id;

	(void)state;
	w.warning = true;
	assert_int_equal(kube_event_series_note(series, &a, t0), KUBE_EVENT_POST);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.first_usec, a.last_usec);
	id = a.id;
	assert_int_equal(kube_event_series_note(series, &b, t0), KUBE_EVENT_POST);
	assert_int_equal(kube_event_series_note(series, &c, t0), KUBE_EVENT_POST);
	assert_int_equal(kube_event_series_note(series, &w, t0), KUBE_EVENT_POST);
	assert_true(b.id != id && c.id != id && w.id != id);
	n = make_event("web", "R", "m");
	n.last_usec += 5;
	assert_int_equal(
	    kube_event_series_note(series, &n, mono_add_usec(t0, 5)), KUBE_EVENT_PATCH);
	assert_int_equal(n.count, 2);
	assert_int_equal(n.id, id);
	assert_int_equal(n.first_usec, a.first_usec);
	/* The window is from the last one on. */
	assert_int_equal(kube_event_series_note(
			     series, &n, mono_add_usec(t0, 4 + KUBE_EVENT_SERIES_WINDOW_USEC)),
	    KUBE_EVENT_PATCH);
	assert_int_equal(kube_event_series_note(
			     series, &n, mono_add_usec(t0, 4 + 2 * KUBE_EVENT_SERIES_WINDOW_USEC)),
	    KUBE_EVENT_POST);
	assert_true(n.id != id);
	assert_int_equal(n.count, 1);
	/* A PATCH that found nothing. */
	kube_event_series_forget(series, &n);
	assert_int_equal(kube_event_series_note(
			     series, &n, mono_add_usec(t0, 5 + 2 * KUBE_EVENT_SERIES_WINDOW_USEC)),
	    KUBE_EVENT_POST);
	/* A Service made anew has Events of its own. */
	n.uid = "u2";
	assert_int_equal(kube_event_series_note(
			     series, &n, mono_add_usec(t0, 6 + 2 * KUBE_EVENT_SERIES_WINDOW_USEC)),
	    KUBE_EVENT_POST);
	kube_event_series_free(series);
	kube_event_series_free(NULL);
}

static void
test_rate(void **state)
{
	struct kube_event_series *series = kube_event_series_new(1);
	struct kube_event event = make_event("web", "R", "m"), other = make_event("o", "R", "m");
	int i;

	(void)state;
	for (i = 0; i < KUBE_EVENT_SERIES_BURST; i++)
		assert_int_not_equal(kube_event_series_note(series, &event, t0), KUBE_EVENT_DROP);
	assert_int_equal(kube_event_series_note(series, &event, t0), KUBE_EVENT_DROP);
	assert_int_equal(kube_event_series_dropped(series), 1);
	assert_int_equal(kube_event_series_note(series, &other, t0), KUBE_EVENT_POST);
	assert_int_equal(kube_event_series_note(
			     series, &event, mono_add_usec(t0, KUBE_EVENT_SERIES_INTERVAL_USEC)),
	    KUBE_EVENT_PATCH);
	assert_int_equal(kube_event_series_note(
			     series, &event, mono_add_usec(t0, KUBE_EVENT_SERIES_INTERVAL_USEC)),
	    KUBE_EVENT_DROP);
	kube_event_series_free(series);
}

static void
test_series_cap(void **state)
{
	struct kube_event_series *series = kube_event_series_new(1);
	int i;

	(void)state;
	for (i = 0; i < KUBE_EVENT_SERIES_MAX + 100; i++) {
		char name[16];
		struct kube_event event = make_event(name, "R", "m");

		(void)snprintf(name, sizeof(name), "s%d", i);
		assert_int_equal(kube_event_series_note(series, &event, t0), KUBE_EVENT_POST);
	}
	assert_int_equal(kube_event_series_count(series), KUBE_EVENT_SERIES_MAX);
	kube_event_series_free(series);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_encode),
	    cmocka_unit_test(test_long_message),
	    cmocka_unit_test(test_series),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_series_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
