/*
 * configtool: src/config on the command line, for the tests in this folder, and the texts that are
 * made from the table of keys.
 *
 *   configtool check FILE      every message, one a line; exit 1 when there is an error
 *   configtool print FILE      the canonical form; messages go to stderr
 *   configtool hash FILE       settings.shared_hash
 *   configtool later FILE      what does not act in this version
 *   configtool diff OLD NEW    one change a line: KIND KEY EFFECT FIELD...
 *   configtool keys            the path of every key
 *   configtool mdoc            the reference of metallb.conf(5)
 *   configtool example         etc/metallb.conf
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/print.h"
#include "model/settings.h"
#include "util/mem.h"
#include "util/str.h"

#define WIDTH 78 /* columns of etc/metallb.conf */

static void
put_messages(const struct config_report *report, FILE *out)
{
	struct strbuf line = {0};
	size_t i;

	for (i = 0; i < report->n_messages; i++) {
		strbuf_clear(&line);
		config_message_format(&report->messages[i], &line);
		(void)fprintf(out, "%s\n", strbuf_text(&line));
	}
	strbuf_free(&line);
}

static struct settings *
load(const char *path, FILE *messages)
{
	const struct config_environment environment = {.hostname = "Node-1"};
	struct config_report report = {0};
	struct settings *settings = NULL;

	(void)config_load(path, &environment, &settings, &report);
	put_messages(&report, messages);
	config_report_fini(&report);
	return settings;
}

static int
do_check(const char *path)
{
	struct settings *settings = load(path, stdout);
	int status = settings ? 0 : 1;

	settings_free(settings);
	return status;
}

static int
do_print(const char *path)
{
	struct settings *settings = load(path, stderr);
	char *text;

	if (!settings)
		return 1;
	text = config_print(settings);
	(void)fputs(text, stdout);
	free(text);
	settings_free(settings);
	return 0;
}

static int
do_hash(const char *path)
{
	struct settings *settings = load(path, stderr);

	if (!settings)
		return 1;
	printf("%016" PRIx64 "\n", settings->shared_hash);
	settings_free(settings);
	return 0;
}

static int
do_later(const char *path)
{
	struct settings *settings = load(path, stderr);
	struct config_report report = {0};

	if (!settings)
		return 1;
	config_not_yet(settings, &report);
	put_messages(&report, stdout);
	config_report_fini(&report);
	settings_free(settings);
	return 0;
}

static int
do_diff(const char *old_path, const char *new_path)
{
	struct settings *old = load(old_path, stderr), *new = load(new_path, stderr);
	struct config_diff diff;
	size_t i, j;

	if (!old || !new) {
		settings_free(old);
		settings_free(new);
		return 1;
	}
	config_diff(old, new, &diff);
	for (i = 0; i < diff.n_changes; i++) {
		const struct config_change *change = &diff.changes[i];

		printf("%s %s %s", config_change_kind_str(change->kind), change->key,
		    config_effect_str(change->effect));
		for (j = 0; j < change->n_fields; j++)
			printf(" %s", change->fields[j]);
		printf("\n");
	}
	config_diff_fini(&diff);
	settings_free(old);
	settings_free(new);
	return 0;
}

static int
put_keys(const struct config_section *section)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];

		printf("%s%s%s\n", section->path, *section->path ? "." : "", key->name);
		if (key->section)
			(void)put_keys(key->section);
	}
	return 0;
}

/* "Default: X." or "Required.", or "" when there is nothing to say. */
static void
add_default(const struct config_key *key, struct strbuf *out)
{
	struct strbuf initial = {0};

	print_default(key, &initial);
	if (key->required)
		strbuf_add(out, "Required.");
	else if (key->initial_doc)
		strbuf_printf(out, "Default: %s.", key->initial_doc);
	else if (str_eq(strbuf_text(&initial), "\"\"") || str_eq(strbuf_text(&initial), "[]"))
		strbuf_add(out, "Default: none.");
	else if (initial.len)
		strbuf_printf(out, "Default: %s.", strbuf_text(&initial));
	strbuf_free(&initial);
}

/* Running text for mdoc: each sentence on its own line, nothing that troff would interpret. */
static void
put_mdoc_text(const char *text)
{
	const char *p;

	for (p = text; *p; p++) {
		bool line_start = p == text || p[-1] == '\n' ||
		    (p - text > 1 && p[-1] == ' ' && strchr(".!?", p[-2]));

		if (line_start && strchr(".'", *p))
			(void)fputs("\\&", stdout);
		if (*p == '\\')
			(void)fputs("\\e", stdout);
		else if (*p == ' ' && p > text && strchr(".!?", p[-1]))
			(void)putchar('\n');
		else
			(void)putchar(*p);
	}
	(void)putchar('\n');
}

static void
put_mdoc_key(const struct config_section *section, const struct config_key *key)
{
	struct strbuf text = {0}, initial = {0};

	printf(".It Ic %s\n", key->name);
	config_key_describe(key, &text);
	if (text.text[0] >= 'a' && text.text[0] <= 'z')
		text.text[0] = (char)(text.text[0] - 'a' + 'A');
	add_default(key, &initial);
	strbuf_printf(&text, ".%s%s", initial.len ? " " : "", strbuf_text(&initial));
	put_mdoc_text(strbuf_text(&text));
	printf(".Pp\n");
	put_mdoc_text(key->doc);
	switch (key->effect) {
	case CONFIG_RESET:
		printf("A change restarts %s.\n", section->reset);
		break;
	case CONFIG_RESTART:
		printf("A change acts only after a restart of the daemon.\n");
		break;
	case CONFIG_LIVE:
	case CONFIG_EFFECT_COUNT:
		break;
	}
	strbuf_free(&text);
	strbuf_free(&initial);
}

static void
put_mdoc_section(const struct config_key *section_key)
{
	const struct config_section *section = section_key->section;
	size_t i;

	printf(".Ss %s\n", section->path);
	put_mdoc_text(section->doc);
	printf("%s\n.Bl -tag -width 4n\n",
	    section_key->type == CONFIG_GROUP ? "A group with these keys:"
					      : "A list of groups with these keys:");
	for (i = 0; i < section->n_keys; i++) {
		const struct config_key *key = &section->keys[i];

		if (key->section)
			printf(".It Ic %s\nSee\n.Sx %s .\n", key->name, key->section->path);
		else
			put_mdoc_key(section, key);
	}
	printf(".El\n");
	for (i = 0; i < section->n_keys; i++)
		if (section->keys[i].section)
			put_mdoc_section(&section->keys[i]);
}

static void
put_mdoc_later_keys(const struct config_section *section)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++)
		if (section->keys[i].later)
			printf(".It\n.Ic %s.%s\n", section->path, section->keys[i].name);
}

static void
put_mdoc_later(void)
{
	size_t i, j;

	printf(
	    ".Ss Keys that do not act in this version\n"
	    "These are read and checked, so that a file need not change when they begin to act,\n"
	    "and the daemon warns of those that are set.\n"
	    ".Bl -bullet -compact\n");
	for (i = 0; i < config_root.n_keys; i++) {
		const struct config_section *section = config_root.keys[i].section;

		if (section->later)
			printf(".It\n.Ic %s\n(all of it)\n", section->path);
		put_mdoc_later_keys(section);
		for (j = 0; j < section->n_keys; j++)
			if (section->keys[j].section)
				put_mdoc_later_keys(section->keys[j].section);
	}
	printf(".El\n");
}

static int
do_mdoc(void)
{
	size_t i;

	put_mdoc_later();
	for (i = 0; i < config_root.n_keys; i++)
		put_mdoc_section(&config_root.keys[i]);
	return 0;
}

static void
put_indent(unsigned indent)
{
	for (; indent; indent--)
		(void)putchar('\t');
}

/* "# text", wrapped. Commented keys have no blank after "#": that tells them apart. */
static void
put_comment(const char *text, unsigned indent)
{
	size_t column = 0, len;

	while (*text) {
		len = strcspn(text, " ");
		if (column && column + 1 + len > WIDTH) {
			(void)putchar('\n');
			column = 0;
		}
		if (!column) {
			put_indent(indent);
			(void)putchar('#');
			column = indent * 8 + 1;
		}
		printf(" %.*s", (int)len, text);
		column += 1 + len;
		text += len;
		text += *text == ' ';
	}
	(void)putchar('\n');
}

static void put_example_objects(const struct config_key *key, unsigned indent);

static void
put_example_key(const struct config_key *key, unsigned indent)
{
	struct strbuf comment = {0}, value = {0};

	if (key->section) {
		put_example_objects(key, indent);
		return;
	}
	print_default(key, &value);
	strbuf_add(&comment, key->doc);
	if (key->required || key->initial_doc || key->example) {
		strbuf_addc(&comment, ' ');
		add_default(key, &comment);
	}
	put_comment(strbuf_text(&comment), indent);
	put_indent(indent);
	printf("#%s = %s;\n", key->name, key->example ? key->example : strbuf_text(&value));
	strbuf_free(&comment);
	strbuf_free(&value);
}

static void
put_example_keys(const struct config_section *section, unsigned indent)
{
	size_t i;

	for (i = 0; i < section->n_keys; i++) {
		if (i)
			(void)putchar('\n');
		put_example_key(&section->keys[i], indent);
	}
}

static void
put_example_objects(const struct config_key *key, unsigned indent)
{
	put_comment(key->section->doc, indent);
	put_indent(indent);
	printf("#%s: (\n", key->name);
	put_indent(indent + 1);
	printf("#{\n");
	put_example_keys(key->section, indent + 2);
	put_indent(indent + 1);
	printf("#}\n");
	put_indent(indent);
	printf("#);\n");
}

static int
do_example(void)
{
	size_t i;

	printf(
	    "# Configuration of metallbd(8). metallb.conf(5) explains it at length.\n"
	    "#\n"
	    "# The same file is meant for all nodes. \"metallbd -t\" checks it, \"metallbctl reload\"\n"
	    "# makes the daemon read it again. Every key is shown with its default, or with an\n"
	    "# example where it has none. \"# \" begins an explanation, \"#\" alone a key that can be\n"
	    "# uncommented. To begin with, uncomment a pool with addresses that are yours, and an\n"
	    "# advertisement:\n"
	    "#\n"
	    "# address-pools: ( { name = \"default\"; addresses = [\"192.0.2.0/26\"]; } );\n"
	    "# l2-advertisements: ( { } );\n");
	for (i = 0; i < config_root.n_keys; i++) {
		const struct config_key *key = &config_root.keys[i];

		(void)putchar('\n');
		if (key->type == CONFIG_OBJECTS) {
			put_example_objects(key, 0);
			continue;
		}
		put_comment(key->section->doc, 0);
		printf("%s: {\n", key->name);
		put_example_keys(key->section, 1);
		printf("};\n");
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (argc == 3 && str_eq(command, "check"))
		return do_check(argv[2]);
	if (argc == 3 && str_eq(command, "print"))
		return do_print(argv[2]);
	if (argc == 3 && str_eq(command, "hash"))
		return do_hash(argv[2]);
	if (argc == 3 && str_eq(command, "later"))
		return do_later(argv[2]);
	if (argc == 4 && str_eq(command, "diff"))
		return do_diff(argv[2], argv[3]);
	if (argc == 2 && str_eq(command, "keys"))
		return put_keys(&config_root);
	if (argc == 2 && str_eq(command, "mdoc"))
		return do_mdoc();
	if (argc == 2 && str_eq(command, "example"))
		return do_example();
	(void)fprintf(stderr,
	    "usage: configtool check|print|hash|later FILE | diff OLD NEW | keys | mdoc | example\n");
	return 2;
}
