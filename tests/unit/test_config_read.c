/* Files as they are found on disk, and the small questions that others ask. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

static char directory[] = "/tmp/metallb-test-XXXXXX";

static int
make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int
remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void
write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* The result of loading; `message` must be part of the only one, NULL for none. */
static void
expect_load(const char *path, int expected, const char *message)
{
	struct config_report report = {0};
	struct settings *settings = NULL;
	const struct config_environment environment = {.hostname = "n1"};

	assert_int_equal(config_load(path, &environment, &settings, &report), expected);
	assert_int_equal(report.n_messages, message ? 1 : 0);
	if (message) {
		struct strbuf line = {0};

		config_message_format(&report.messages[0], &line);
		assert_non_null(strstr(strbuf_text(&line), message));
		assert_true(str_has_prefix(strbuf_text(&line), path));
		strbuf_free(&line);
	}
	assert_true((settings != NULL) == (expected == 0));
	settings_free(settings);
	config_report_fini(&report);
}

static void
loads_files(void **state)
{
	char *path = xasprintf("%s/m.conf", directory);
	char *big = xcalloc(CONFIG_MAX_FILE_BYTES + 1, 1);

	(void)state;
	memset(big, '\n', CONFIG_MAX_FILE_BYTES + 1);
	expect_load(path, -ENOENT, "cannot be read: No such file");
	expect_load(directory, -EISDIR, "cannot be read: Is a directory");
	write_file(path, "", 0);
	expect_load(path, 0, NULL);
	write_file(path, "log: { level = \"x\"; };\n", 23);
	expect_load(path, -EINVAL, ":1: log.level: ");
	write_file(path, big, CONFIG_MAX_FILE_BYTES);
	expect_load(path, 0, NULL);
	write_file(path, big, CONFIG_MAX_FILE_BYTES + 1);
	expect_load(path, -EFBIG, "larger than 1048576 bytes");
	assert_int_equal(unlink(path), 0);
	/* Nobody writes to it: this must not hang. */
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_load(path, 0, NULL);
	assert_int_equal(unlink(path), 0);
	if (geteuid() != 0) {
		write_file(path, "", 0);
		assert_int_equal(chmod(path, 0), 0);
		expect_load(path, -EACCES, "cannot be read: Permission denied");
		assert_int_equal(unlink(path), 0);
	}
	free(big);
	free(path);
}

static struct settings *
parse(const char *text, const char *hostname, struct config_report *report)
{
	const struct config_environment environment = {.hostname = hostname};
	struct settings *settings = NULL;

	(void)config_load_text("t", text, strlen(text), &environment, &settings, report);
	return settings;
}

static void
names_the_node(void **state)
{
	static const struct {
		const char *text, *hostname, *expected;
	} rows[] = {
	    {"", "Node-1.Example.COM", "node-1.example.com"},
	    {"node: { name = \"x\"; };", "n1", "x"},
	    {"node: { name = \"x\"; };", NULL, "x"},
	    {"node: { name = \"\"; };", "n1", "n1"},
	    {"", NULL, NULL},
	    {"", "", NULL},
	    {"", "bad_name", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_report report = {0};
		struct settings *settings = parse(rows[i].text, rows[i].hostname, &report);

		assert_row(i, rows[i].text,
		    str_eq_null(settings ? settings->node.name : NULL, rows[i].expected));
		assert_row(i, rows[i].text, (settings == NULL) == (report.n_errors == 1));
		settings_free(settings);
		config_report_fini(&report);
	}
}

static void
checks_servers(void **state)
{
	static const struct {
		const char *host;
		bool in_pool;
	} rows[] = {
	    {"10.0.0.5", true},
	    {"10.0.0.9", false},
	    {"10.0.1.5", false},
	    {"2001:db8::5", true},
	    {"[2001:db8::5]", true},
	    {"[2001:db8::5", false},
	    {"host.example", false},
	    {"", false},
	    {"[]", false},
	};
	struct config_report report = {0};
	struct settings *settings = parse(
	    "address-pools: ( { name = \"p\"; addresses = [\"10.0.0.0/24\", \"2001:db8::/64\"];"
	    " exclude = [\"10.0.0.9\"]; } ); l2-advertisements: ( { } );",
	    "n1", &report);
	size_t i;

	(void)state;
	assert_non_null(settings);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(i, rows[i].host,
		    (config_check_server(settings, rows[i].host) != NULL) == rows[i].in_pool);
	settings_free(settings);
	config_report_fini(&report);
}

/* Messages are capped, counted all the same, and sorted by line. */
static void
caps_messages(void **state)
{
	struct config_report report = {0};
	struct strbuf text = {0};
	size_t i;

	(void)state;
	strbuf_add(&text, "address-pools: (\n");
	for (i = 0; i < 1024; i++)
		strbuf_printf(
		    &text, "%s{ name = \"p%zu\"; addresses = [\"x\", \"y\"]; }\n", i ? "," : "", i);
	strbuf_add(&text, ");\n");
	assert_null(parse(strbuf_text(&text), "n1", &report));
	assert_int_equal(report.n_errors, 2048);
	assert_int_equal(report.n_messages, CONFIG_MAX_MESSAGES);
	for (i = 1; i < report.n_messages; i++)
		assert_true(report.messages[i - 1].line <= report.messages[i].line);
	strbuf_free(&text);
	config_report_fini(&report);
}

/* Nothing printed or said may show a password. */
static void
hides_secrets(void **state)
{
	static const char *const texts[] = {
	    ("bgp: { my-asn = 1; peers: ( { name = \"r\"; peer-address = \"192.168.0.1\"; peer-asn = 2; "
	     "password = \"hunter2\"; } ); };"),
	    "bgp: { peers: ( { password = \"hunter2\nhunter2\"; } ); };",
	    "bgp: { peers: ( { password = hunter2; } ); };",
	    "bgp: { peers: ( { password = \"a\" \"hunter2\"; } ); };",
	    "bgp: { peers: ( { password = \"hunter2\" \"hunter2\"; } ); };",
	    "bgp: { peers: ( { password = [\"hunter2\"]; } ); };",
	    "bgp: { peers: ( { password = \"hunter2; } ); };",
	    "bgp: { peers: ( { name = \"r\" password \"hunter2\"; } ); };",
	    "bgp: { peers: ( { password = \"hunter2\\n\"; } ); };",
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct config_report report = {0};
		struct settings *settings = parse(texts[i], "n1", &report);
		char *printed = settings ? config_print(settings) : xstrdup("");

		assert_row(i, texts[i], !strstr(printed, "hunter2"));
		assert_row(i, texts[i], settings || report.n_messages);
		for (j = 0; j < report.n_messages; j++)
			assert_row(i, texts[i], !strstr(report.messages[j].reason, "hunter2"));
		free(printed);
		settings_free(settings);
		config_report_fini(&report);
	}
}

static void
tells_what_does_not_act(void **state)
{
	struct config_report report = {0}, later = {0};
	struct settings *settings = parse("", "n1", &report);
	size_t i, found = 0;

	(void)state;
	config_not_yet(settings, &later);
	assert_int_equal(later.n_messages, 0);
	settings_free(settings);
	settings = parse(
	    "failover: { lease-duration = \"20s\"; rebalance = \"never\"; on-api-loss = \"release\"; };"
	    "bfd-profiles: ( { name = \"p\"; } );",
	    "n1", &report);
	config_not_yet(settings, &later);
	for (i = 0; i < later.n_messages; i++) {
		assert_int_equal(later.messages[i].severity, CONFIG_WARNING);
		assert_false(str_eq(later.messages[i].key, "failover.lease-duration"));
		assert_false(str_eq(later.messages[i].key, "failover.on-api-loss"));
		/* hold-over is 0 with "release". */
		found += str_eq(later.messages[i].key, "failover.rebalance") ||
		    str_eq(later.messages[i].key, "failover.hold-over") ||
		    str_eq(later.messages[i].key, "bfd-profiles");
	}
	/* All of them once everything acts. */
	assert_true(found == later.n_messages);
	settings_free(settings);
	config_report_fini(&report);
	config_report_fini(&later);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(loads_files),
	    cmocka_unit_test(names_the_node),
	    cmocka_unit_test(checks_servers),
	    cmocka_unit_test(caps_messages),
	    cmocka_unit_test(hides_secrets),
	    cmocka_unit_test(tells_what_does_not_act),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
