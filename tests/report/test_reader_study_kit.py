"""Tests of the reader study: blind sheets, the key apart, and the way back to a result."""

from __future__ import annotations

import base64
import inspect
import io
import random
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from htl_monai.report.reader_ratings import QUESTIONS
from htl_monai.report.reader_sheet import anonymous_png
from htl_monai.report.reader_study_kit import KEY_PATH, analyse_reader_study, make_reader_study, write_reader_study

N = 16


@pytest.fixture
def pies(tmp_path):
    """Sixteen images, six of them PIEs, with the patient's name in EXIF and PNG fields, and a label like a script."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(N):
        path = tmp_path / "pictures" / f"patient{i:04}_scan.{'png' if i % 2 else 'jpg'}"
        path.parent.mkdir(exist_ok=True)
        picture = Image.fromarray(rng.integers(0, 256, (24, 20), dtype=np.uint8))
        fields, exif = PngInfo(), Image.Exif()
        fields.add_text("PatientName", "Doe^Jane")
        exif[0x010E] = "Doe^Jane"
        picture.save(path, exif=exif, **({"pnginfo": fields} if i % 2 else {"quality": 95}))
        labels = "Edema; <script>alert('x')</script>" if i == 1 else "Edema"
        rows.append([f"patient{i:04}", str(path), i < 6, 0.5 - 0.01 * i, labels])
    return pd.DataFrame(rows, columns=["id", "image", "is_pie", "spearman", "labels"])


class Sheet(HTMLParser):
    """What a browser would make of a sheet: the cases in order, their images, and all that is asked of a server."""

    def __init__(self, path):
        super().__init__()
        self.cases, self.pictures, self.names, self.requests, self.n_scripts = [], [], set(), [], 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "article":
            self.cases.append(values["data-case"])
        if tag == "img":
            self.pictures.append(values["src"])
        if tag == "input":
            self.names.add(values["name"])
        self.n_scripts += tag == "script"
        self.requests += [values[name] for name in ("src", "href", "action") if name in values]


def pixels(source):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def test_a_sheet_shows_each_image_once_under_its_case_number(pies, tmp_path):
    out = write_reader_study(pies, tmp_path / "study", 5, 4, n_readers=2)
    key = pd.read_csv(out / KEY_PATH, dtype=str).set_index("case")
    sheet = Sheet(out / "sheets" / "reader_1.html")
    assert sorted(sheet.cases) == sorted(key.index) == [f"case_{i}" for i in range(1, 10)]
    assert (key["is_pie"] == "True").sum() == 5
    assert sheet.names == {f"{case}_{question}" for case in sheet.cases for question in QUESTIONS}
    by_id = pies.set_index("id")
    for case, source in zip(sheet.cases, sheet.pictures, strict=True):
        row = by_id.loc[key.loc[case, "id"]]
        assert str(row["is_pie"]) == key.loc[case, "is_pie"]
        np.testing.assert_array_equal(pixels(source), np.asarray(Image.open(row["image"])))


def test_a_sheet_says_nothing_of_ids_files_or_groups(pies, tmp_path):
    out = write_reader_study(pies, tmp_path / "study", 5, 5, n_readers=3)
    for path in (out / "sheets").iterdir():
        content = path.read_text(encoding="utf-8")
        assert b"Doe" not in b"".join(base64.b64decode(text) for text in re.findall(r"base64,([^\"]+)", content))
        words = re.sub(r"base64,[^\"]+", "", content).lower()
        for told in ("patient", "_scan", str(tmp_path).lower(), "pie", "spearman", "prun", "forg", "group", "doe^"):
            assert told not in words, f"{told} in {path.name}"
    assert not any("key" in path.name for path in (out / "sheets").iterdir())


def test_no_metadata_survives(pies):
    for path in pies["image"]:
        assert Image.open(path).getexif()
        bare = Image.open(io.BytesIO(base64.b64decode(anonymous_png(path))))
        bare.load()
        assert bare.format == "PNG" and bare.mode == "L" and not bare.info and not bare.getexif()


def test_a_sheet_is_complete_in_itself_and_text_is_no_code(pies, tmp_path):
    out = write_reader_study(pies, tmp_path / "study", 6, 10, n_readers=1)
    sheet = Sheet(out / "sheets" / "reader_1.html")
    assert sheet.n_scripts == 1
    assert len(sheet.requests) == 16 and all(address.startswith("data:image/png;base64,") for address in sheet.requests)
    text = (out / "sheets" / "reader_1.html").read_text(encoding="utf-8")
    assert "http://" not in text and "https://" not in text and "default-src 'none'" in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text


def test_every_reader_has_an_order_of_their_own(pies, tmp_path):
    out = write_reader_study(pies, tmp_path / "study", 6, 6, n_readers=4)
    orders = [Sheet(out / "sheets" / f"reader_{i}.html").cases for i in range(1, 5)]
    assert len({tuple(order) for order in orders}) == 4 and len({tuple(sorted(order)) for order in orders}) == 1
    for number, order in enumerate(orders, start=1):
        blank = pd.read_csv(out / "sheets" / f"reader_{number}.csv", dtype={"study": str})
        assert blank["case"].tolist() == order and blank[list(QUESTIONS)].isna().all(axis=None)


def flags(out):
    return pd.read_csv(out / KEY_PATH).set_index("case")["is_pie"]


def test_who_knows_the_code_its_defaults_and_the_sizes_of_the_groups_is_left_to_guess(pies, tmp_path):
    """Eight studies are attacked by repeating them; agreement by chance is 48 of 96 cases, with a deviation of 5."""
    copied = pies.assign(id=[f"image_{i}" for i in range(N)])
    by_repetition, by_position = 0, 0
    for number in range(8):
        np.random.seed(0)
        random.seed(0)
        truth = flags(write_reader_study(pies, tmp_path / f"study_{number}", 6, 6, n_readers=1))
        guess = flags(write_reader_study(copied, tmp_path / f"guess_{number}", 6, 6, n_readers=1))
        by_repetition += (truth == guess[truth.index]).sum()
        order = Sheet(tmp_path / f"study_{number}" / "sheets" / "reader_1.html").cases
        by_position += truth[order[:6]].sum() + (~truth[order[6:]]).sum()
    assert 16 < by_repetition < 80 and 16 < by_position < 80


def test_the_code_of_a_study_tells_nothing_of_its_images(pies, tmp_path):
    keys = [pd.read_csv(write_reader_study(pies, tmp_path / str(i), 6, 6, 1) / KEY_PATH, dtype=str) for i in range(4)]
    assert len({key["study"][0] for key in keys}) == 4
    assert not {"seed", "random_state"} & set(inspect.signature(write_reader_study).parameters)


def test_all_pictures_of_a_sheet_are_of_one_kind(pies, tmp_path):
    out = write_reader_study(pies, tmp_path / "study", 6, 6, n_readers=2)
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        for source in Sheet(out / "sheets" / "reader_1.html").pictures
    ]
    assert {(picture.format, picture.mode, picture.size, len(picture.info)) for picture in pictures} == {
        ("PNG", "L", (20, 24), 0)
    }
    names = sorted(path.name for path in (out / "sheets").iterdir())
    assert names == [f"reader_{i}.{kind}" for i in (1, 2) for kind in ("csv", "html")]


def test_large_images_are_brought_down(tmp_path):
    path = tmp_path / "large.png"
    Image.fromarray(np.full((300, 600), 90, dtype=np.uint8)).save(path)
    assert pixels("," + anonymous_png(path, max_px=200)).shape == (100, 200)


def answer(out, back):
    """Fill in the sheets by hand: PIEs are noisier by 1.2 steps, and no more difficult; an image has its own noise."""
    key = pd.read_csv(out / KEY_PATH, dtype={"id": str}).set_index("case").sort_values("id")
    back.mkdir()
    for number, path in enumerate(sorted((out / "sheets").glob("*.csv"))):
        rng = np.random.default_rng(number)
        sheet = pd.read_csv(path).set_index("case")
        for question, effect in zip(QUESTIONS, (1.2, -1.2, 0.0), strict=True):
            value = 3 + effect * key["is_pie"] + rng.normal(0, 0.6, len(key))
            sheet[question] = value.round().clip(1, 5).astype(int)
        sheet.reset_index().to_csv(back / path.name, index=False)


def test_from_a_run_to_the_result(pies, tmp_path):
    (tmp_path / "run" / "reporting").mkdir(parents=True)
    pies[:12].to_csv(tmp_path / "run" / "reporting" / "pies.csv", index=False)  # so that all of them are chosen
    study = make_reader_study(tmp_path / "run", tmp_path / "study", count=6, readers=3)
    answer(study, tmp_path / "back")
    key = pd.read_csv(study / KEY_PATH).set_index("id")
    last = tmp_path / "back" / "reader_3.csv"
    sheet = pd.read_csv(last, dtype={"study": str})
    sheet.loc[sheet["case"] == key.loc["patient0007", "case"], "difficulty"] = np.nan
    sheet.to_csv(last, index=False)
    tables = analyse_reader_study(study, [tmp_path / "back"], tmp_path / "out")
    differences = tables["differences"].set_index("question")
    assert differences.loc["label_noise", "low"] > 0 > differences.loc["image_quality", "high"]
    assert differences.loc["difficulty", "low"] < 0 < differences.loc["difficulty", "high"]
    assert differences["n_missing"].tolist() == [0, 0, 1]
    assert tables["missing"].values.tolist() == [["reader_3", "difficulty", 1, key.loc["patient0007", "case"]]]
    written = {path.name for path in (tmp_path / "out").iterdir()}
    figure = {f"group_means.{suffix}" for suffix in ("png", "svg", "csv")}
    assert written == figure | {"differences.csv", "agreement.csv", "missing.csv", "ratings.csv"}
    shown = pd.read_csv(tmp_path / "out" / "group_means.csv")
    pd.testing.assert_frame_equal(shown, tables["group_means"], check_dtype=False)
    assert "label noise" in (tmp_path / "out" / "group_means.svg").read_text(encoding="utf-8")


def test_a_study_under_way_is_not_overwritten(pies, tmp_path):
    out = write_reader_study(pies, tmp_path / "study", 4, 4, 2)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError, match="^out_dir must not hold a study, got .*; choose another folder"):
        write_reader_study(pies, out, 4, 4, 2)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_images_without_a_rank_correlation_belong_to_no_group(pies, tmp_path):
    pies.loc[pies.index[-4:], "spearman"] = np.nan
    with pytest.raises(ValueError, match=r"^n_others must be at most 6, the images there are, got 7; ask for fewer"):
        write_reader_study(pies, tmp_path / "study", 6, 7)


def test_bad_input_is_refused_and_nothing_is_written(pies, tmp_path):
    out = tmp_path / "study"
    with pytest.raises(ValueError, match=r"^n_pies must be at most 6, the images there are, got 20; ask for fewer"):
        write_reader_study(pies, out)
    with pytest.raises(ValueError, match=r"^n_readers must be at least 1, got 0; "):
        write_reader_study(pies, out, 2, 2, 0)
    with pytest.raises(KeyError, match=r"pies must have the columns \['image'\], got \['id', 'is_pie', "):
        write_reader_study(pies.drop(columns="image"), out, 2, 2)
    with pytest.raises(ValueError, match=r"^id must be unique, got 1 repeated; give one row per image"):
        write_reader_study(pd.concat([pies, pies[:1]]), out, 2, 2)
    with pytest.raises(ValueError, match=r"^is_pie must be True or False for every image, got int64; correct pies.csv"):
        write_reader_study(pies.astype({"is_pie": "int64"}), out, 2, 2)
    with pytest.raises(FileNotFoundError, match="missing.png"):
        write_reader_study(pies.assign(image=str(tmp_path / "missing.png")), out, 2, 2)
    with pytest.raises(
        FileNotFoundError, match="^run_dir must hold reporting/pies.csv, got none in .*; run htl pie on"
    ):
        make_reader_study(tmp_path, out)
    assert not out.exists()
    with pytest.raises(
        FileNotFoundError, match="^key .* does not exist; give the folder that the study was written to"
    ):
        analyse_reader_study(out, [], tmp_path / "out")
    write_reader_study(pies, out, 2, 2, 2)
    with pytest.raises(
        ValueError, match="^ratings must be filled in, got 2 files without any; give those that came ba"
    ):
        analyse_reader_study(out, [out / "sheets"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
