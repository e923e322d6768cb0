#include "ctl/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

void
table_init(struct table *table, const char *const *headings, size_t n_columns)
{
	size_t i;

	assert(n_columns && n_columns <= TABLE_MAX_COLUMNS);
	*table = (struct table){.n_columns = n_columns};
	for (i = 0; i < n_columns; i++)
		table_cell(table, headings[i]);
}

char *
table_printable(const char *text)
{
	struct strbuf sb = {0};

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			strbuf_printf(&sb, "\\x%02x", c);
		else
			strbuf_addc(&sb, *text);
	}
	return strbuf_detach(&sb);
}

void
table_cell(struct table *table, const char *text)
{
	table->cells = mem_grow(table->cells, table->n_cells, &table->cap, sizeof(*table->cells));
	table->cells[table->n_cells++] = table_printable(text && *text ? text : "-");
}

void
table_cellf(struct table *table, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	table_cell(table, text);
	free(text);
}

/* Characters, not bytes, of UTF-8. */
static size_t
text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void
table_print(struct table *table, FILE *out)
{
	size_t widths[TABLE_MAX_COLUMNS] = {0}, i;

	for (i = 0; i < table->n_cells; i++) {
		size_t width = text_width(table->cells[i]);

		if (width > widths[i % table->n_columns])
			widths[i % table->n_columns] = width;
	}
	for (i = 0; i < table->n_cells; i++) {
		size_t column = i % table->n_columns;

		if (column + 1 == table->n_columns)
			(void)fprintf(out, "%s\n", table->cells[i]);
		else
			(void)fprintf(out, "%s%*s", table->cells[i],
			    (int)(widths[column] - text_width(table->cells[i]) + 2), "");
		free(table->cells[i]);
	}
	free(table->cells);
	*table = (struct table){0};
}
