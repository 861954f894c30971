"""The simulation of categories drawn at random tells a short interval from one that holds."""

from __future__ import annotations

from tools.validate.coverage_population import random_categories, tables


def test_prompts_taken_as_independent_pass_too_often_where_categories_differ():
    found = random_categories((10, 42), 0.1, 0.1, 200)
    assert found["suite"].beyond / found["suite"].runs > 0.12
    assert found["population"].beyond / found["population"].runs <= 0.025
    assert found["population"].width > 3 * found["suite"].width


def test_categories_that_do_not_differ_are_no_trouble():
    assert random_categories((10, 24), 0.1, 0.0, 200)["suite"].beyond <= 10


def test_the_table_has_a_row_for_each_interval():
    (table,) = tables(quick=True)
    assert {row[3] for row in table.rows} == {"suite", "population"}
    assert len({row[:3] for row in table.rows}) * 2 == len(table.rows)
