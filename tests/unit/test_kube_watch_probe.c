/* The probe of silent watches: when it asks, what it makes of each answer, and the versions. */
#include "test.h"

#include "kube/object.h"
#include "kube/watch_probe.h"
#include "util/mono.h"

#define VERSION "100"
#define LIST(version) "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[]}"
#define EVENT(type, code) \
	"{\"type\":\"" type "\",\"object\":{\"kind\":\"Status\",\"code\":" code "}}\n"

struct fixture {
	struct kube_watch_probe probe;
	uint32_t last_id;
	uint64_t n_requests;
	mono_t now;
};

static void
setup(struct fixture *f)
{
	*f = (struct fixture){.now = mono_add_usec(MONO_ZERO, 1000 * USEC_PER_SEC)};
	kube_watch_probe_init(&f->probe, &f->last_id, &f->n_requests);
	kube_watch_probe_expect(&f->probe, KUBE_WATCH_SILENCE_USEC, f->now);
}

/* To the next deadline. */
static enum kube_watch_verdict
elapse(struct fixture *f)
{
	f->now = kube_watch_probe_deadline(&f->probe);
	assert_false(mono_is_never(f->now));
	return kube_watch_probe_timer(&f->probe, true, f->now);
}

static enum kube_watch_verdict
answer(struct fixture *f, enum kube_watch_end end, int status, const char *body)
{
	f->probe.slot.to_start = false;
	f->probe.slot.status = status;
	kube_watch_probe_chunk(&f->probe, body, strlen(body), f->now);
	/* A line may have ended it. */
	return f->probe.slot.id ? kube_watch_probe_end(&f->probe, end, VERSION, f->now)
				: KUBE_WATCH_VERDICT_NONE;
}

enum after {
	QUIET,  /* asks again after the usual silence */
	STREAM, /* the second question */
	GRACE,  /* the watch is frozen unless it speaks */
	JUDGED
};

static void
check_after(size_t i, const char *name, struct fixture *f, enum after after)
{
	mono_t at = kube_watch_probe_deadline(&f->probe);

	switch (after) {
	case QUIET:
		assert_row(i, name, mono_diff_usec(at, f->now) == KUBE_WATCH_SILENCE_USEC);
		break;
	case STREAM:
		assert_row(i, name, f->probe.slot.request == KUBE_WATCH_PROBE_STREAM);
		assert_row(i, name, f->probe.slot.to_start && f->n_requests == 2);
		break;
	case GRACE:
		assert_row(i, name, mono_diff_usec(at, f->now) == KUBE_WATCH_GRACE_USEC);
		assert_row(i, name, elapse(f) == KUBE_WATCH_VERDICT_FROZEN);
		break;
	case JUDGED:
		break;
	}
}

static void
test_list(void **state)
{
	static const struct {
		const char *name;
		enum kube_watch_end end;
		int status;
		const char *body;
		enum kube_watch_verdict verdict;
		enum after after;
	} rows[] = {
	    {"same", KUBE_WATCH_END_OK, 200, LIST("100"), KUBE_WATCH_VERDICT_NONE, QUIET},
	    {"newer", KUBE_WATCH_END_OK, 200, LIST("101"), KUBE_WATCH_VERDICT_NONE, STREAM},
	    {"opaque", KUBE_WATCH_END_OK, 200, LIST("x9"), KUBE_WATCH_VERDICT_NONE, STREAM},
	    {"older", KUBE_WATCH_END_OK, 200, LIST("99"), KUBE_WATCH_VERDICT_SET_BACK, JUDGED},
	    {"no list", KUBE_WATCH_END_OK, 200, "[]", KUBE_WATCH_VERDICT_BAD_ANSWER, JUDGED},
	    {"throttled", KUBE_WATCH_END_OK, 429, "", KUBE_WATCH_VERDICT_NONE, QUIET},
	    {"not now", KUBE_WATCH_END_OK, 503, "", KUBE_WATCH_VERDICT_NONE, QUIET},
	    {"error", KUBE_WATCH_END_OK, 500, "", KUBE_WATCH_VERDICT_SERVER_FAILS, JUDGED},
	    {"no answer", KUBE_WATCH_END_OK, 0, "", KUBE_WATCH_VERDICT_UNREACHABLE, JUDGED},
	    {"refused", KUBE_WATCH_END_CONNECT, 0, "", KUBE_WATCH_VERDICT_UNREACHABLE, JUDGED},
	    {"cut", KUBE_WATCH_END_BROKEN, 200, "{", KUBE_WATCH_VERDICT_UNREACHABLE, JUDGED},
	};
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(&f);
		assert_row(i, rows[i].name, elapse(&f) == KUBE_WATCH_VERDICT_NONE);
		assert_row(i, rows[i].name, f.probe.slot.request == KUBE_WATCH_PROBE_LIST);
		assert_row(i, rows[i].name, f.probe.slot.fresh_connection && f.n_requests == 1);
		assert_row(i, rows[i].name,
		    answer(&f, rows[i].end, rows[i].status, rows[i].body) == rows[i].verdict);
		check_after(i, rows[i].name, &f, rows[i].after);
		if (rows[i].verdict == KUBE_WATCH_VERDICT_SET_BACK)
			assert_string_equal(f.probe.server_version, "99");
		kube_watch_probe_stop(&f.probe);
		assert_true(mono_is_never(kube_watch_probe_deadline(&f.probe)));
	}
}

static void
test_stream(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		enum after after;
	} rows[] = {
	    {"nothing", 200, "", QUIET},
	    {"bookmark", 200, EVENT("BOOKMARK", "500"), QUIET},
	    {"event", 200, EVENT("MODIFIED", "500"), GRACE},
	    {"second line", 200, EVENT("BOOKMARK", "500") EVENT("ADDED", "500"), GRACE},
	    {"error", 200, EVENT("ERROR", "500"), QUIET},
	    {"expired", 200, EVENT("ERROR", "410"), GRACE},
	    {"no JSON", 200, "{\n", QUIET},
	    {"gone", 410, "", GRACE},
	};
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(&f);
		assert_row(i, rows[i].name, elapse(&f) == KUBE_WATCH_VERDICT_NONE);
		(void)answer(&f, KUBE_WATCH_END_OK, 200, LIST("101"));
		assert_row(i, rows[i].name,
		    answer(&f, KUBE_WATCH_END_OK, rows[i].status, rows[i].body) ==
			KUBE_WATCH_VERDICT_NONE);
		check_after(i, rows[i].name, &f, rows[i].after);
		kube_watch_probe_stop(&f.probe);
	}
}

static void
test_time(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(elapse(&f), KUBE_WATCH_VERDICT_NONE);
	assert_int_equal(
	    mono_diff_usec(kube_watch_probe_deadline(&f.probe), f.now), KUBE_WATCH_PROBE_USEC);
	assert_int_equal(elapse(&f), KUBE_WATCH_VERDICT_NO_ANSWER);
	kube_watch_probe_stop(&f.probe);

	/* What the watch brings in time ends the suspicion. */
	setup(&f);
	assert_int_equal(elapse(&f), KUBE_WATCH_VERDICT_NONE);
	(void)answer(&f, KUBE_WATCH_END_OK, 410, "");
	kube_watch_probe_heard(&f.probe, f.now);
	check_after(0, "heard", &f, QUIET);

	/* Before the watch has its status line nothing is asked. */
	setup(&f);
	f.now = kube_watch_probe_deadline(&f.probe);
	assert_int_equal(kube_watch_probe_timer(&f.probe, false, f.now), KUBE_WATCH_VERDICT_NONE);
	assert_int_equal(f.probe.slot.id, 0);
	assert_true(mono_is_never(kube_watch_probe_deadline(&f.probe)));
}

static void
test_versions(void **state)
{
	static const struct {
		const char *a, *b;
		bool older;
	} rows[] = {
	    {"9", "10", true},
	    {"10", "9", false},
	    {"10", "10", false},
	    {"0009", "10", true},
	    {"18446744073709551616", "18446744073709551617", true},
	    {"x9", "10", false},
	    {"9", "x10", false},
	    {"", "1", false},
	    {"-1", "1", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(
		    i, rows[i].a, kube_version_is_older(rows[i].a, rows[i].b) == rows[i].older);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_stream),
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
