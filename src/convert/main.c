/*
 * metallb-convert: MetalLB's configuration on standard input or in files -> metallb.conf on
 * standard output.
 *
 * Exit status: 0 done; 1 the input cannot be read or converted; 2 usage.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/convert.h"
#include "convert/judge.h"
#include "convert/source.h"
#include "util/mem.h"
#include "util/str.h"

enum {
	EXIT_DONE,
	EXIT_FAILED,
	EXIT_USAGE
};

static void
usage(FILE *out)
{
	(void)fprintf(out,
	    "usage: metallb-convert [-p] [-n NAMESPACE] [FILE ...]\n"
	    "  -n NAMESPACE  MetalLB's namespace; objects of others are left out\n"
	    "  -p            print passwords, instead of the name of a file for each\n"
	    "  -h, -V        help, version\n"
	    "Without FILE, or for -, standard input is read: kubectl get -n metallb-system -o json \\\n"
	    "  ipaddresspools,l2advertisements,bgppeers,bgpadvertisements,communities,bfdprofiles\n");
}

/* One byte more than is allowed shows that there is too much. */
static int
read_all(FILE *file, struct strbuf *out)
{
	char buffer[65536];
	size_t n;

	while (out->len <= SOURCE_MAX_BYTES && (n = fread(buffer, 1, sizeof(buffer), file)))
		strbuf_addn(out, buffer, n);
	return ferror(file) ? -errno : 0;
}

static int
add_file(struct convert *convert, const char *path)
{
	bool is_stdin = str_eq(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	const char *name = is_stdin ? "standard input" : path;
	struct strbuf text = {0}, err_line = {0};
	int err = file ? read_all(file, &text) : -errno;

	if (err)
		(void)fprintf(
		    stderr, "metallb-convert: %s: cannot be read: %s\n", name, strerror(-err));
	else
		err = convert_add(convert, name, strbuf_text(&text), text.len, &err_line);
	if (err_line.len)
		(void)fprintf(stderr, "metallb-convert: %s\n", strbuf_text(&err_line));
	if (file && !is_stdin)
		(void)fclose(file);
	strbuf_free(&text);
	strbuf_free(&err_line);
	return err;
}

static int
finish(struct convert *convert)
{
	struct strbuf out = {0}, err_line = {0};
	int err = convert_finish(convert, judge, NULL, &out, &err_line);

	if (err)
		(void)fprintf(stderr, "metallb-convert: %s\n", strbuf_text(&err_line));
	else
		(void)fputs(strbuf_text(&out), stdout);
	strbuf_free(&out);
	strbuf_free(&err_line);
	return err || fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

int
main(int argc, char **argv)
{
	struct convert_options options = {.version = PACKAGE_VERSION};
	struct convert *convert;
	int opt, err = 0, status = EXIT_FAILED;

	while ((opt = getopt(argc, argv, "hn:pV")) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'n':
			options.namespace = optarg;
			break;
		case 'p':
			options.passwords = true;
			break;
		case 'V':
			(void)printf("metallb-convert %s\n", PACKAGE_VERSION);
			return EXIT_DONE;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	convert = convert_new(&options);
	if (optind == argc)
		err = add_file(convert, "-");
	for (; optind < argc; optind++)
		err = add_file(convert, argv[optind]) ? -EINVAL : err;
	if (!err)
		status = finish(convert);
	convert_free(convert);
	return status;
}
