#include "test.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "ctl/command.h"
#include "ctl/render.h"
#include "util/str.h"

typedef void render_fn(FILE *, struct json_object *);

/* The caller frees. */
static char *
rendered(render_fn *render, const char *json)
{
	json_object *data = json_tokener_parse(json);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(data);
	assert_non_null(out);
	render(out, data);
	assert_int_equal(fclose(out), 0);
	json_object_put(data);
	return text;
}

static void
text_is_aligned(void **state)
{
	static const struct {
		const char *name;
		render_fn *render;
		const char *json, *text;
	} rows[] = {
	    {"services", render_services,
		"{\"services\":[{\"service\":\"default/web\",\"state\":\"allocated\",\"addresses\":[{\"address\":\"10.0.0.5\","
		"\"pool\":\"p\",\"owner\":\"n1\",\"announced\":true,\"interfaces\":[\"eth0\",\"eth1\"]}],"
		"\"health\":{\"localEndpoints\":3}},"
		"{\"service\":\"a/b\",\"state\":\"pending\",\"message\":\"no available IPs\",\"addresses\":[]}]}",
		"SERVICE      STATE      ADDRESS   POOL  OWNER  HERE       ENDPOINTS  REASON\n"
		"default/web  allocated  10.0.0.5  p     n1     eth0,eth1  3          -\n"
		"a/b          pending    -         -     -      -          -          no available IPs\n"},
	    {"control characters", render_services,
		"{\"services\":[{\"service\":\"x\",\"state\":\"\\u001b[2J\",\"addresses\":[]}]}",
		"SERVICE  STATE    ADDRESS  POOL  OWNER  HERE  ENDPOINTS  REASON\n"
		"x        \\x1b[2J  -        -     -      -     -          -\n"},
	    {"drain", render_drain, "{\"drained\":true,\"since\":\"x\",\"left\":0}",
		"drained: this node holds no address and claims none until metallbctl undrain\n"},
	    {"undrain", render_drain, "{\"drained\":false,\"since\":\"\",\"left\":3}",
		"not drained: this node claims addresses again\n"},
	    {"reload without change", render_reload, "{\"changes\":[],\"warnings\":[]}",
		"nothing changed\n"},
	    {"reload", render_reload,
		"{\"changes\":[{\"key\":\"address-pools[p]\",\"change\":\"changed\",\"fields\":[\"addresses\"],\"effect\":\"live\"},"
		"{\"key\":\"node.name\",\"change\":\"changed\",\"fields\":[],\"effect\":\"restart\"}],\"warnings\":[\"w\"]}",
		"changed address-pools[p]: addresses\n"
		"changed node.name (acts after a restart of metallbd)\n"
		"warnings\n  w\n"},
	    {"l2", render_l2,
		"{\"addresses\":[{\"address\":\"10.0.0.5\",\"state\":\"announcing\",\"requests\":7,\"responses\":6,"
		"\"announcements\":4,\"conflicts\":2,\"interfaces\":[{\"interface\":\"eth0\",\"state\":\"announcing\","
		"\"next\":1.06},{\"interface\":\"eth1\",\"state\":\"conflict\",\"next\":8,"
		"\"claimed_by\":\"02:00:00:00:00:0f\"}]}],\"frames\":{\"arp\":{\"reply\":6,\"malformed\":1,\"dropped\":0},"
		"\"ndp\":{\"reply\":0,\"malformed\":0,\"dropped\":0}},\"groups\":{\"wanted\":3,\"joined\":2}}",
		"ADDRESS   INTERFACE  STATE       NEXT  REQUESTS  ANSWERS  ANNOUNCED  CONFLICTS  CLAIMED BY\n"
		"10.0.0.5  eth0       announcing  1.1s  7         6        4          2          -\n"
		"10.0.0.5  eth1       conflict    8.0s  7         6        4          2          02:00:00:00:00:0f\n"
		"\n"
		"arp: 6 answered, 1 malformed, 0 lost\n"
		"ndp: 0 answered, 0 malformed, 0 lost\n"
		"groups: 2 of 3 joined\n"},
	    {"change", render_change,
		"{\"time\":\"2026-11-25T08:00:00.000000Z\",\"kind\":\"owner\",\"name\":\"10.0.0.5\",\"was\":\"\","
		"\"is\":\"n\\u001b1\"}",
		"2026-11-25T08:00:00.000000Z owner     10.0.0.5: - -> n\\x1b1\n"},
	    {"doctor", render_doctor,
		"{\"node\":\"n1\",\"checks\":14,\"errors\":1,\"warnings\":0,\"notices\":2,\"findings\":[{\"severity\":\"error\","
		"\"check\":\"api\",\"what\":\"no\\n\",\"remedy\":\"do\"}]}",
		"error    api            no\\x0a\n                        -> do\n"
		"\nn1: 14 checks, 1 error, 0 warnings, 2 notices\n"},
	    {"leases", render_leases,
		"{\"leases\":[{\"name\":\"ip-10-0-0-5\",\"holder\":\"n1\",\"state\":\"held\",\"since\":\"x\",\"transitions\":3,"
		"\"services\":[\"a/b\",\"c/d\"]}]}",
		"LEASE        HOLDER  STATE  HELD FOR  RENEWED  MOVED  SERVICES\n"
		"ip-10-0-0-5  n1      held   -         -        3      a/b,c/d\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = rendered(rows[i].render, rows[i].json);

		if (!str_eq(text, rows[i].text))
			fail_msg("row %zu (%s):\n%s", i, rows[i].name, text);
		free(text);
	}
}

/* A daemon of another version may lack any member or give it another type. */
static void
missing_members_do_not_crash(void **state)
{
	static const char *const inputs[] = {"{}", "[]", "1",
	    "{\"services\":1,\"pools\":{},\"leases\":\"x\",\"changes\":null,\"members\":[1],\"interfaces\":[[]]}",
	    ("{\"services\":[null,{\"addresses\":[null]}],\"pools\":[null],\"leases\":[null],\"changes\":[null],"
	     "\"addresses\":[null],\"next\":[null],\"warnings\":[null]}")};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(inputs); i++)
		for (j = 0; j < n_commands; j++)
			free(rendered(commands[j].render, inputs[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_aligned),
	    cmocka_unit_test(missing_members_do_not_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
