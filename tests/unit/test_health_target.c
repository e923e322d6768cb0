/* What the answers of one target mean, and where it is asked next: tables of answers in order, as
 * kube-proxy of several versions, its replacements and strangers give them. */
#include "test.h"

#include <string.h>

#include "announce/health_target.h"

#define MAX_STEPS 10

static const struct endpoints_report none = {.namespace = "default", .name = "web"};
static const struct endpoints_report two = {.namespace = "default", .name = "web", .local = 2};
static const struct endpoints_report sick = {
    .namespace = "default", .name = "web", .local = 2, .proxy_unhealthy = true};
static const struct endpoints_report sick_and_none = {
    .namespace = "default", .name = "web", .proxy_unhealthy = true};
static const struct endpoints_report other_name = {
    .namespace = "default", .name = "db", .local = 2};
static const struct endpoints_report other_namespace = {
    .namespace = "prod", .name = "web", .local = 2};

/* One round: all candidates give the same answer. */
struct step {
	struct health_answer answer;
	enum health_state state;
	uint32_t endpoints;
};

#define HTTP(code, body)                                                                    \
	{                                                                                   \
		.result = HEALTH_ANSWERED, .status = (code), .weight = -1, .report = (body) \
	}
#define WEIGHT(code, n)                                                    \
	{                                                                  \
		.result = HEALTH_ANSWERED, .status = (code), .weight = (n) \
	}
#define CONNECTED                         \
	{                                 \
		.result = HEALTH_ANSWERED \
	}
#define REFUSED                          \
	{                                \
		.result = HEALTH_REFUSED \
	}
#define SILENT                          \
	{                               \
		.result = HEALTH_SILENT \
	}
#define BROKEN                          \
	{                               \
		.result = HEALTH_BROKEN \
	}
#define UNSENT                          \
	{                               \
		.result = HEALTH_UNSENT \
	}
#define UNKNOWN HEALTH_UNKNOWN, 0
#define SERVING(n) HEALTH_SERVING, n
#define NONE HEALTH_NO_ENDPOINTS, 0
#define SICK HEALTH_PROXY_UNHEALTHY, 0
#define UNANSWERED HEALTH_UNANSWERED, 0
#define END                                                            \
	{                                                              \
		{.result = HEALTH_RESULT_COUNT}, HEALTH_STATE_COUNT, 0 \
	}

static const struct {
	const char *name;
	enum health_kind kind;
	struct step steps[MAX_STEPS];
} rows[] = {
    {"200 serves at once", HEALTH_NODE_PORT, {{HTTP(200, &two), SERVING(2)}, END}},
    {"503 acts at once", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {HTTP(503, &none), NONE}, {HTTP(200, &two), SERVING(2)},
	    END}},
    {"503 as the first answer", HEALTH_NODE_PORT, {{HTTP(503, &none), NONE}, END}},
    {"200 without a report: one at least", HEALTH_NODE_PORT, {{HTTP(200, NULL), SERVING(1)}, END}},
    {"the header has the number", HEALTH_NODE_PORT, {{WEIGHT(200, 7), SERVING(7)}, END}},
    {"a header of nothing with 200", HEALTH_NODE_PORT, {{WEIGHT(200, 0), SERVING(1)}, END}},
    {"a header beyond reason", HEALTH_NODE_PORT,
	{{WEIGHT(200, INT64_MAX), SERVING(ENDPOINTS_LOCAL_MAX)}, END}},
    {"the report before the header", HEALTH_NODE_PORT,
	{{{HEALTH_ANSWERED, 200, 7, &two}, SERVING(2)}, END}},
    {"200 and none in the report: the status counts", HEALTH_NODE_PORT,
	{{HTTP(200, &none), SERVING(1)}, END}},
    {"503 with endpoints: the proxy is ill", HEALTH_NODE_PORT, {{HTTP(503, &sick), SICK}, END}},
    {"503, the proxy is ill, and none", HEALTH_NODE_PORT, {{HTTP(503, &sick_and_none), NONE}, END}},
    {"503 with endpoints, nothing said of the proxy", HEALTH_NODE_PORT,
	{{HTTP(503, &two), NONE}, END}},
    {"503 without a report acts after three", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {HTTP(503, NULL), SERVING(2)},
	    {HTTP(503, NULL), SERVING(2)}, {HTTP(503, NULL), UNANSWERED}, END}},
    {"refused acts after three", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {REFUSED, SERVING(2)}, {REFUSED, SERVING(2)},
	    {REFUSED, UNANSWERED}, {HTTP(200, &two), SERVING(2)}, END}},
    {"silent acts after three", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {SILENT, SERVING(2)}, {SILENT, SERVING(2)},
	    {SILENT, UNANSWERED}, END}},
    {"broken acts after three", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {BROKEN, SERVING(2)}, {BROKEN, SERVING(2)},
	    {BROKEN, UNANSWERED}, END}},
    {"failures of every kind are in one row", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {REFUSED, SERVING(2)}, {SILENT, SERVING(2)},
	    {HTTP(404, NULL), UNANSWERED}, END}},
    {"an answer in between begins anew", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {REFUSED, SERVING(2)}, {REFUSED, SERVING(2)},
	    {HTTP(200, &two), SERVING(2)}, {REFUSED, SERVING(2)}, {REFUSED, SERVING(2)}, END}},
    {"never answered: unknown until three", HEALTH_NODE_PORT,
	{{REFUSED, UNKNOWN}, {REFUSED, UNKNOWN}, {REFUSED, UNANSWERED}, END}},
    {"no endpoints, then no answer", HEALTH_NODE_PORT,
	{{HTTP(503, &none), NONE}, {REFUSED, NONE}, {REFUSED, NONE}, {REFUSED, UNANSWERED}, END}},
    {"another Service's 200 is not believed", HEALTH_NODE_PORT,
	{{HTTP(200, &other_name), UNKNOWN}, {HTTP(200, &other_name), UNKNOWN},
	    {HTTP(200, &other_name), UNANSWERED}, END}},
    {"the same name in another namespace", HEALTH_NODE_PORT,
	{{HTTP(200, &other_namespace), UNKNOWN}, {HTTP(200, &other_namespace), UNKNOWN},
	    {HTTP(200, &other_namespace), UNANSWERED}, END}},
    {"another Service's 503 does not act at once", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {HTTP(503, &other_name), SERVING(2)},
	    {HTTP(503, &other_name), SERVING(2)}, {HTTP(503, &other_name), UNANSWERED}, END}},
    {"an empty 200 where reports were", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {HTTP(200, NULL), SERVING(2)},
	    {HTTP(200, NULL), SERVING(2)}, {HTTP(200, NULL), UNANSWERED},
	    {HTTP(200, &two), SERVING(2)}, END}},
    {"what could not be asked changes nothing", HEALTH_NODE_PORT,
	{{HTTP(200, &two), SERVING(2)}, {UNSENT, SERVING(2)}, {UNSENT, SERVING(2)},
	    {UNSENT, SERVING(2)}, {REFUSED, SERVING(2)}, {REFUSED, SERVING(2)},
	    {UNSENT, SERVING(2)}, {REFUSED, UNANSWERED}, END}},
    {"a redirect says nothing", HEALTH_NODE_PORT,
	{{HTTP(302, &two), UNKNOWN}, {HTTP(302, &two), UNKNOWN}, {HTTP(302, &two), UNANSWERED},
	    END}},

    {"healthy at the first 200", HEALTH_KUBE_PROXY, {{HTTP(200, NULL), SERVING(0)}, END}},
    {"ill after three", HEALTH_KUBE_PROXY,
	{{HTTP(200, NULL), SERVING(0)}, {HTTP(503, NULL), SERVING(0)},
	    {HTTP(503, NULL), SERVING(0)}, {HTTP(503, NULL), SICK}, END}},
    {"well again after two", HEALTH_KUBE_PROXY,
	{{HTTP(503, NULL), UNKNOWN}, {HTTP(503, NULL), UNKNOWN}, {HTTP(503, NULL), SICK},
	    {HTTP(200, NULL), SICK}, {HTTP(200, NULL), SERVING(0)}, END}},
    {"one 200 among 503 changes nothing", HEALTH_KUBE_PROXY,
	{{HTTP(503, NULL), UNKNOWN}, {HTTP(503, NULL), UNKNOWN}, {HTTP(503, NULL), SICK},
	    {HTTP(200, NULL), SICK}, {HTTP(503, NULL), SICK}, {HTTP(200, NULL), SICK}, END}},
    {"one 503 among 200 changes nothing", HEALTH_KUBE_PROXY,
	{{HTTP(200, NULL), SERVING(0)}, {HTTP(503, NULL), SERVING(0)},
	    {HTTP(503, NULL), SERVING(0)}, {HTTP(200, NULL), SERVING(0)},
	    {HTTP(503, NULL), SERVING(0)}, {HTTP(503, NULL), SERVING(0)}, END}},
    {"gone after three", HEALTH_KUBE_PROXY,
	{{HTTP(200, NULL), SERVING(0)}, {REFUSED, SERVING(0)}, {REFUSED, SERVING(0)},
	    {REFUSED, UNANSWERED}, {HTTP(200, NULL), UNANSWERED}, {HTTP(200, NULL), SERVING(0)},
	    END}},
    {"a stranger on its port", HEALTH_KUBE_PROXY,
	{{HTTP(404, NULL), UNKNOWN}, {HTTP(404, NULL), UNKNOWN}, {HTTP(404, NULL), UNANSWERED},
	    END}},

    {"connected", HEALTH_CLUSTER_IP, {{CONNECTED, SERVING(0)}, END}},
    {"three refusals", HEALTH_CLUSTER_IP,
	{{CONNECTED, SERVING(0)}, {REFUSED, SERVING(0)}, {REFUSED, SERVING(0)}, {REFUSED, NONE},
	    {CONNECTED, SERVING(0)}, END}},
    {"refused from the start", HEALTH_CLUSTER_IP,
	{{REFUSED, UNKNOWN}, {REFUSED, UNKNOWN}, {REFUSED, NONE}, END}},
    {"silence proves nothing", HEALTH_CLUSTER_IP,
	{{SILENT, UNKNOWN}, {SILENT, UNKNOWN}, {SILENT, SERVING(0)}, {SILENT, SERVING(0)}, END}},
    {"silent at first, while the proxy learns of it", HEALTH_CLUSTER_IP,
	{{SILENT, UNKNOWN}, {REFUSED, UNKNOWN}, {REFUSED, UNKNOWN}, {REFUSED, NONE}, END}},
    {"silence does not end a row of refusals", HEALTH_CLUSTER_IP,
	{{CONNECTED, SERVING(0)}, {REFUSED, SERVING(0)}, {SILENT, SERVING(0)},
	    {REFUSED, SERVING(0)}, {REFUSED, NONE}, {SILENT, NONE}, END}},
};

static struct ip_addr
addr(uint8_t last)
{
	return ip_addr_v4(10, 0, 0, last);
}

static struct health_target
make(enum health_kind kind)
{
	return (struct health_target){
	    .kind = kind, .namespace = "default", .name = "web", .port = 30000};
}

static void
test_rows(void **state)
{
	const struct ip_addr candidates[] = {addr(1), addr(2)};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct health_target target = make(rows[i].kind);
		size_t n = rows[i].kind == HEALTH_CLUSTER_IP ? 1 : 2;

		for (j = 0; rows[i].steps[j].state != HEALTH_STATE_COUNT; j++) {
			const struct step *step = &rows[i].steps[j];
			enum health_next next = HEALTH_NEXT_NOW;
			unsigned questions = 0;

			while (next == HEALTH_NEXT_NOW) {
				struct ip_addr at = health_target_address(&target, candidates, n);

				assert_true(++questions <= 2);
				next = health_target_answer(
				    &target, &at, candidates, n, &step->answer);
			}
			if (target.state != step->state || target.endpoints != step->endpoints)
				fail_msg("%s, step %zu: %s, %u endpoints", rows[i].name, j,
				    health_state_str(target.state), target.endpoints);
		}
	}
}

/* --- where --- */

/* The last byte of each address that is asked while `answer` comes from everywhere. */
static void
expect_round(struct health_target *target, size_t n, const struct health_answer *answer,
    const char *expected)
{
	struct ip_addr candidates[HEALTH_MAX_ADDRESSES];
	char asked[32] = "";
	enum health_next next = HEALTH_NEXT_NOW;
	size_t i;

	for (i = 0; i < n; i++)
		candidates[i] = addr((uint8_t)(i + 1));
	while (next == HEALTH_NEXT_NOW) {
		struct ip_addr at = health_target_address(target, candidates, n);

		assert_true(strlen(asked) < sizeof(asked) - 1);
		asked[strlen(asked)] = (char)('0' + at.bytes[3]);
		next = health_target_answer(target, &at, candidates, n, answer);
	}
	assert_string_equal(asked, expected);
}

static const struct health_answer ok = HTTP(200, &two);
static const struct health_answer refused = REFUSED;
static const struct health_answer silent = SILENT;
static const struct health_answer stranger = HTTP(200, &other_name);

static void
test_a_round_tries_all(void **state)
{
	struct health_target target = make(HEALTH_NODE_PORT);

	(void)state;
	expect_round(&target, 4, &refused, "1234");
	expect_round(&target, 4, &stranger, "1234");
	expect_round(&target, 4, &ok, "1");
	expect_round(&target, 4, &ok, "1");
}

static void
test_remembers_who_answered(void **state)
{
	const struct ip_addr candidates[] = {addr(1), addr(2), addr(3)};
	struct health_target target = make(HEALTH_NODE_PORT);
	struct ip_addr at = addr(1);

	(void)state;
	assert_int_equal(
	    health_target_answer(&target, &at, candidates, 3, &refused), HEALTH_NEXT_NOW);
	at = health_target_address(&target, candidates, 3);
	assert_int_equal(at.bytes[3], 2);
	assert_int_equal(health_target_answer(&target, &at, candidates, 3, &ok), HEALTH_NEXT_ROUND);
	expect_round(&target, 3, &ok, "2");
	/* It fails: first there, then everywhere else. */
	expect_round(&target, 3, &refused, "231");
	expect_round(&target, 3, &ok, "2");
}

/* One time-out is as long as a round may last. */
static void
test_silence_ends_a_round(void **state)
{
	struct health_target target = make(HEALTH_NODE_PORT);

	(void)state;
	expect_round(&target, 3, &silent, "1");
	expect_round(&target, 3, &silent, "2");
	expect_round(&target, 3, &ok, "3");
	expect_round(&target, 3, &ok, "3");
	/* The one that answered is sought again every other time. */
	expect_round(&target, 3, &silent, "3");
	expect_round(&target, 3, &silent, "1");
	expect_round(&target, 3, &silent, "3");
	expect_round(&target, 3, &silent, "2");
	assert_int_equal(target.state, HEALTH_UNANSWERED);
}

/* Where nobody answers for long, two questions a round, and still every candidate in time. */
static void
test_unanswered_asks_less(void **state)
{
	struct health_target target = make(HEALTH_NODE_PORT);

	(void)state;
	expect_round(&target, 4, &refused, "1234");
	expect_round(&target, 4, &refused, "1234");
	expect_round(&target, 4, &refused, "1234");
	assert_int_equal(target.state, HEALTH_UNANSWERED);
	expect_round(&target, 4, &refused, "12");
	expect_round(&target, 4, &refused, "34");
	expect_round(&target, 4, &ok, "1");
	expect_round(&target, 4, &refused, "1234");
	expect_round(&target, 4, &refused, "1234");
	expect_round(&target, 4, &refused, "1234");
	expect_round(&target, 4, &refused, "12");
	expect_round(&target, 4, &refused, "13");
}

static void
test_says_why(void **state)
{
	struct health_target target = make(HEALTH_NODE_PORT);
	const struct health_answer teapot = HTTP(418, NULL);

	(void)state;
	expect_round(&target, 2, &stranger, "12");
	assert_int_equal(target.failure, HEALTH_FAILURE_FOREIGN);
	assert_string_equal(target.foreign, "default/db");
	expect_round(&target, 2, &teapot, "12");
	assert_int_equal(target.failure, HEALTH_FAILURE_STATUS);
	assert_int_equal(target.status, 418);
	expect_round(&target, 2, &ok, "1");
	assert_int_equal(target.failure, HEALTH_FAILURE_NONE);
}

/* "auto" obeys a kube-proxy that has ever answered: 200 or 503, and nothing else. */
static void
test_ever(void **state)
{
	static const struct health_answer ill = HTTP(503, NULL), missing = HTTP(404, NULL);
	struct health_target target = make(HEALTH_KUBE_PROXY);

	(void)state;
	expect_round(&target, 2, &refused, "12");
	expect_round(&target, 2, &missing, "12");
	assert_false(target.ever);
	expect_round(&target, 2, &ill, "1");
	assert_true(target.ever);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_a_round_tries_all),
	    cmocka_unit_test(test_remembers_who_answered),
	    cmocka_unit_test(test_silence_ends_a_round),
	    cmocka_unit_test(test_unanswered_asks_less),
	    cmocka_unit_test(test_says_why),
	    cmocka_unit_test(test_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
