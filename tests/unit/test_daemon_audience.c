/* Those who listen, with connections that the test plays itself. */
#include "test.h"

#include "daemon/audience.h"
#include "io/ctl_server.h"
#include "util/str.h"

struct ctl_connection {
	size_t queued;
	unsigned lines;
	char last[256];
	bool stream, ends_with_peer, closing;
};

int
ctl_reply(struct ctl_connection *conn, const char *text)
{
	assert_false(conn->closing);
	conn->queued += strlen(text) + 1;
	conn->lines++;
	(void)str_copy(conn->last, sizeof(conn->last), text);
	return 0;
}

size_t
ctl_queued(const struct ctl_connection *conn)
{
	return conn->queued;
}

void
ctl_set_stream(struct ctl_connection *conn, bool stream)
{
	conn->stream = stream;
}

void
ctl_end_with_peer(struct ctl_connection *conn)
{
	conn->ends_with_peer = true;
}

void
ctl_close(struct ctl_connection *conn)
{
	conn->closing = true;
}

static void
who_does_not_read_is_dropped(void **state)
{
	struct ctl_connection quick = {0}, slow = {0}, other = {0};
	struct audience audience = {0};

	(void)state;
	assert_true(audience_add(&audience, &slow));
	assert_true(audience_add(&audience, &quick));
	assert_true(audience_add(&audience, &other));
	assert_true(slow.stream && slow.ends_with_peer);
	while (!slow.closing) {
		audience_tell(&audience, "{\"v\":1,\"change\":{}}");
		quick.queued = other.queued = 0;
		assert_true(slow.lines < AUDIENCE_MAX_QUEUED_BYTES);
	}
	assert_true(slow.queued <= AUDIENCE_MAX_QUEUED_BYTES + sizeof(slow.last));
	assert_true(slow.queued > AUDIENCE_MAX_QUEUED_BYTES - 100);
	assert_non_null(strstr(slow.last, "\"end\":{\"code\":\"too-slow\""));
	assert_false(audience_has(&audience, &slow));
	/* The others missed nothing, the one that was not heard before or after it either. */
	assert_int_equal(quick.lines, slow.lines);
	assert_int_equal(other.lines, slow.lines);
	audience_tell(&audience, "x");
	assert_string_equal(quick.last, "x");
	assert_int_equal(audience.count, 2);
}

static void
there_is_room_for_so_many(void **state)
{
	struct ctl_connection conns[AUDIENCE_MAX + 1] = {0};
	struct audience audience = {0};
	size_t i;

	(void)state;
	for (i = 0; i < AUDIENCE_MAX; i++)
		assert_true(audience_add(&audience, &conns[i]));
	assert_false(audience_add(&audience, &conns[i]));
	assert_false(conns[i].stream);
	audience_remove(&audience, &conns[i]);
	assert_int_equal(audience.count, AUDIENCE_MAX);
	audience_remove(&audience, &conns[3]);
	assert_false(audience_has(&audience, &conns[3]));
	assert_true(audience_add(&audience, &conns[i]));
	audience_tell(&audience, "x");
	assert_int_equal(conns[3].lines, 0);
	assert_int_equal(conns[i].lines, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_does_not_read_is_dropped),
	    cmocka_unit_test(there_is_room_for_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
