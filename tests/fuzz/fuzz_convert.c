/* metallb-convert: whatever the input is, it is refused in one line, or what comes out is a
 * metallb.conf that metallbd takes. */
#include <assert.h>
#include <string.h>

#include "config/config.h"
#include "convert/judge.h"
#include "model/settings.h"
#include "util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config_environment environment = {.hostname = "node"};

static void
check_output(const struct strbuf *out)
{
	struct config_report report = {0};
	struct settings *settings = NULL;
	size_t i;

	assert(!config_load_text("f", out->text, out->len, &environment, &settings, &report));
	settings_free(settings);
	config_report_fini(&report);
	for (i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->text[i];

		assert((c >= ' ' && c < 0x7f) || c == '\n' || c == '\t');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct convert_options options = {
	    .version = "1", .passwords = size && data[size - 1] & 1};
	struct convert *convert = convert_new(&options);
	struct strbuf out = {0}, err_line = {0};

	if (convert_add(convert, "f", (const char *)data, size, &err_line)) {
		assert(str_has_prefix(strbuf_text(&err_line), "f:"));
		assert(!strchr(err_line.text, '\n'));
	} else if (convert_finish(convert, judge, NULL, &out, &err_line)) {
		assert(err_line.len && !out.len);
		assert(!strchr(err_line.text, '\n'));
		/* What may be wrong with it as a whole, but for its size. */
		assert(strstr(err_line.text, "several namespaces") ||
		    str_has_prefix(err_line.text, "nothing to convert") || size > 65536);
	} else {
		check_output(&out);
	}
	convert_free(convert);
	strbuf_free(&out);
	strbuf_free(&err_line);
	return 0;
}
