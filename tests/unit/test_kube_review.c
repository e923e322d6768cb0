#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "kube/review.h"

static void
a_right_is_asked_for_whole(void **state)
{
	static const struct kube_right patch = {
	    "patch", "", "services", "status", "", false, KUBE_RIGHT_ALWAYS, "x"};
	static const struct kube_right named = {
	    "create", "g", "r", "", "n\"", true, KUBE_RIGHT_ALWAYS, "x"};
	char *text = kube_review_encode(&patch, "ns");

	(void)state;
	assert_string_equal(text,
	    "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SelfSubjectAccessReview\",\"spec\":"
	    "{\"resourceAttributes\":{\"verb\":\"patch\",\"group\":\"\",\"resource\":\"services\","
	    "\"subresource\":\"status\"}}}");
	free(text);
	text = kube_review_encode(&named, "ns");
	assert_non_null(strstr(text, "\"name\":\"n\\\"\",\"namespace\":\"ns\"}"));
	free(text);
	text = kube_right_text(&patch, "ns");
	assert_string_equal(text, "patch services/status");
	free(text);
	text = kube_right_text(&named, "ns");
	assert_string_equal(text, "create r n\" in namespace ns");
	free(text);
}

static void
an_answer_is_yes_no_or_nothing(void **state)
{
	static const struct {
		const char *body;
		int err;
		bool allowed;
	} rows[] = {
	    {"{\"status\":{\"allowed\":true}}", 0, true},
	    {"{\"kind\":\"X\",\"status\":{\"allowed\":false,\"reason\":\"y\"}}", 0, false},
	    {"{\"status\":{}}", -EINVAL, false},
	    {"{\"status\":{\"allowed\":\"true\"}}", -EINVAL, false},
	    {"{\"status\":true}", -EINVAL, false},
	    {"{}", -EINVAL, false},
	    {"", -EINVAL, false},
	    {"{\"status\":{\"allowed\":true}", -EINVAL, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bool allowed = false;

		assert_row(i, rows[i].body,
		    kube_review_decode(rows[i].body, strlen(rows[i].body), &allowed) ==
			rows[i].err);
		assert_row(i, rows[i].body, allowed == rows[i].allowed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_right_is_asked_for_whole),
	    cmocka_unit_test(an_answer_is_yes_no_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
