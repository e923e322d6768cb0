/* The whole of metallb-convert but for its main(): what golden files cannot show. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "config/value.h"
#include "convert/convert.h"
#include "convert/fields.h"
#include "convert/well_known.h"
#include "util/mem.h"
#include "util/mono.h"
#include "util/str.h"

/* The room's list is that of src/config, which it may not see. */
static void
test_well_known(void **state)
{
	const char *name;
	size_t n;

	(void)state;
	for (n = 0; (name = value_well_known_community(n)); n++)
		assert_row(n, name, well_known_is(name));
	assert_int_equal(n, WELL_KNOWN_COUNT);
	assert_false(well_known_is("vpn-only"));
	assert_false(well_known_is(""));
}

static void
test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t usec; /* -1: refused */
	} rows[] = {{"0", 0}, {"0s", 0}, {"90s", 90 * USEC_PER_SEC}, {"1m30s", 90 * USEC_PER_SEC},
	    {"1h0m0.5s", 3600500000}, {"1.5h", 5400 * USEC_PER_SEC}, {"+3s", 3 * USEC_PER_SEC},
	    {"300ms", 300000}, {"5us", 5}, {"5\xc2\xb5s", 5}, {"1ns", 0}, {".5s", 500000},
	    {"5.s", 5 * USEC_PER_SEC}, {"", -1}, {"s", -1}, {".s", -1}, {"90", -1}, {"-3s", -1},
	    {"3 s", -1}, {"3s ", -1}, {"3d", -1}, {"1e3s", -1}, {"999999999999999h", -1}};
	int64_t usec;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		usec = -1;
		assert_row(i, rows[i].text,
		    field_parse_duration(rows[i].text, &usec) == (rows[i].usec >= 0));
		assert_int_equal(usec, rows[i].usec);
	}
}

static const char two_pools[] =
    "{\"apiVersion\": \"metallb.io/v1beta1\", \"kind\": \"IPAddressPool\", \"metadata\": "
    "{\"name\": \"a\"}, \"spec\": {\"addresses\": [\"192.0.2.0/28\"]}}"
    "{\"apiVersion\": \"metallb.io/v1beta1\", \"kind\": \"IPAddressPool\", \"metadata\": "
    "{\"name\": \"b\"}, \"spec\": {\"addresses\": [\"192.0.2.16/28\"]}}";

/* A check with a script: what it says in each round. */
struct script {
	const char *faults[4][4][2]; /* round, fault, path and reason */
	size_t round;
};

static void
scripted(void *arg, const char *text, size_t len, struct convert_faults *faults)
{
	struct script *script = arg;
	size_t i;

	assert_int_equal(strlen(text), len);
	assert_true(script->round < 4);
	for (i = 0; i < 4 && script->faults[script->round][i][0]; i++)
		convert_fault(faults, script->faults[script->round][i][0],
		    script->faults[script->round][i][1]);
	script->round++;
}

static int
run(struct script *script, struct strbuf *out, struct strbuf *err_line)
{
	const struct convert_options options = {.version = "1"};
	struct convert *convert = convert_new(&options);
	int err;

	assert_int_equal(convert_add(convert, "f", two_pools, strlen(two_pools), err_line), 0);
	err = convert_finish(convert, scripted, script, out, err_line);
	convert_free(convert);
	return err;
}

/* Two faults in one round: the first must not move what the second is about. */
static void
test_two_faults(void **state)
{
	struct script script = {.faults = {{{"address-pools[0]", "first"},
				    {"address-pools[1].addresses[0]", "second"}}}};
	struct strbuf out = {0}, err_line = {0};

	(void)state;
	assert_int_equal(run(&script, &out, &err_line), 0);
	assert_int_equal(script.round, 2);
	assert_non_null(strstr(out.text, "# Not converted, IPAddressPool a: first\n"));
	assert_non_null(
	    strstr(out.text, "# Not converted, IPAddressPool b: nothing is left of addresses\n"));
	assert_non_null(strstr(out.text, "# Left out, \"192.0.2.16/28\": second\n"));
	strbuf_free(&out);
	strbuf_free(&err_line);
}

/* Of two that name each other only one goes; lines come out as what stands there. */
static void
test_faults_about_others(void **state)
{
	struct script script = {.faults = {{{"address-pools[0]",
						"clashes with metallb.conf:20 "
						"(address-pools[1]), says it"},
				    {"address-pools[1]", "clashes with metallb.conf:13"}}}};
	struct strbuf out = {0}, err_line = {0};

	(void)state;
	assert_int_equal(run(&script, &out, &err_line), 0);
	assert_non_null(strstr(out.text,
	    "# Not converted, IPAddressPool a: clashes with IPAddressPool b, says "
	    "it\n"));
	assert_null(strstr(out.text, "# Not converted, IPAddressPool b"));
	strbuf_free(&out);
	strbuf_free(&err_line);
}

/* What cannot become a comment is an error, and there is no output. */
static void
test_hopeless(void **state)
{
	struct script script = {.faults = {{{"", "larger than it may be"}}}};
	struct strbuf out = {0}, err_line = {0};

	(void)state;
	assert_int_equal(run(&script, &out, &err_line), -EINVAL);
	assert_string_equal(
	    strbuf_text(&err_line), "the result would be refused: larger than it may be");
	assert_int_equal(out.len, 0);
	strbuf_free(&out);
	strbuf_free(&err_line);
}

/* One object more than may be. */
static void
test_too_many_objects(void **state)
{
	const struct convert_options options = {.version = "1"};
	struct convert *convert = convert_new(&options);
	struct strbuf text = {0}, err_line = {0};
	int i;

	(void)state;
	strbuf_add(&text, "{\"address-pools\": [{}");
	for (i = 0; i < CONVERT_MAX_RESOURCES; i++)
		strbuf_add(&text, ",{}");
	strbuf_add(&text, "]}");
	assert_int_equal(convert_add(convert, "f", text.text, text.len, &err_line), -EINVAL);
	assert_string_equal(strbuf_text(&err_line), "f: more than 10000 objects");
	convert_free(convert);
	strbuf_free(&text);
	strbuf_free(&err_line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_well_known),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_two_faults),
	    cmocka_unit_test(test_faults_about_others),
	    cmocka_unit_test(test_hopeless),
	    cmocka_unit_test(test_too_many_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
