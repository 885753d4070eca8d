"""The commands about forms, `xltools forms …`: parse → call → print → exit."""

from pathlib import Path
from typing import Annotated

import typer

from xltools.console import ChineseCommand, ChineseGroup, ShortFormat, say, say_all, say_json
from xltools.errors import FormErrors

CLEAN, TROUBLE = 0, 3

forms_app = typer.Typer(
    cls=ChineseGroup,
    help="看有哪些报表，查报表文件对不对。",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@forms_app.callback()
def forms_command(context: typer.Context) -> None:
    """看有哪些报表，查报表文件对不对。"""
    if context.invoked_subcommand is None:
        list_command()


@forms_app.command("list", cls=ChineseCommand)
def list_command() -> None:
    """列出目录里的报表。"""
    from xltools.forms.catalogue import form_files, load_form
    from xltools.reporting.text import table

    rows = []
    for key, _ in form_files():
        form = load_form(key)
        rows.append((key, form.title, f"{form.first_year}—{form.last_year or ''}", form.authority))
    say_all(table(("报表", "名称", "适用年度", "依据"), rows))


@forms_app.command("show", cls=ChineseCommand)
def show_command(
    form: Annotated[str, typer.Argument(metavar="报表", help="目录里的名字，或 .toml 文件")],
    format: Annotated[ShortFormat, typer.Option("--format", help="输出格式")] = ShortFormat.text,
) -> None:
    """显示一个报表的指标和它们在哪一格。"""
    from xltools.forms.catalogue import load_form
    from xltools.reporting import json, text

    made = load_form(form)
    if format is ShortFormat.json:
        say_json(json.dump(json.form_document(made)))
    else:
        say_all(text.form_report(made))


@forms_app.command("lint", cls=ChineseCommand)
def lint_command(
    files: Annotated[list[Path], typer.Argument(metavar="文件…", help="报表文件（.toml）")],
) -> None:
    """检查报表文件，一次列全错处。退出码：0 没有错，3 有错。"""
    from xltools.forms.catalogue import load_form

    wrong = False
    for file in files:
        try:
            form = load_form(file)
        except FormErrors as errors:
            wrong = True
            say_all(str(error) for error in errors.errors)
        else:
            say(
                f"{file}：没有错。填报数 {len(form.inputs)} 个，合计 {len(form.derived)} 个，规则 {len(form.rule_lines)} 行。"
            )
    raise typer.Exit(TROUBLE if wrong else CLEAN)
