"""Heat maps of a batch against the grad-cam package called image by image, and what they leave as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor, nn

from htl_monai.localization.cam_methods import METHODS
from htl_monai.localization.heat_maps import HeatMaps
from htl_monai.pruning import GlobalMagnitude, Sweep, pruned

UNET_LAYERS = ("final_conv", "upcat_1.convs.conv_1", "down_2.convs.conv_1")
TOLERANCE = {"rtol": 0, "atol": 1e-5}


@pytest.mark.parametrize("layer", UNET_LAYERS)
@pytest.mark.parametrize("method", METHODS)
def test_a_segmentation_batch_equals_the_package_image_by_image(
    method: str, layer: str, tiny_unet: nn.Module, images: Tensor, reference: Callable[..., Tensor]
) -> None:
    if method == "SegEigenCAM":  # decomposes pixels by pixels: fewer of them
        images = images[..., ::2, ::2]
    maps = HeatMaps(method, layer)(images, tiny_unet)
    assert maps.shape == (4, 1, *images.shape[2:]) and maps.dtype == torch.float32
    assert (maps.amax(dim=(2, 3)) > 0.99).all() and (maps.amin(dim=(2, 3)) == 0).all()
    # ScoreCAM takes the exponential of sums over thousands of logits, which magnifies the rounding of a batch.
    tolerance = {"rtol": 0, "atol": 1e-4} if method == "ScoreCAM" else TOLERANCE
    torch.testing.assert_close(maps, reference(method, layer, images, tiny_unet), **tolerance)


@pytest.mark.parametrize("classes", [None, [2, 0, 1, 2]])
@pytest.mark.parametrize("method", METHODS)
def test_a_classifier_s_batch_equals_the_package_image_by_image(
    method: str, classes: list[int] | None, classifier: nn.Module, images: Tensor, reference: Callable[..., Tensor]
) -> None:
    maps = HeatMaps(method, "4")(images, classifier, classes)
    torch.testing.assert_close(maps, reference(method, "4", images, classifier, classes), **TOLERANCE)


def test_the_class_is_one_for_all_or_one_an_image(classifier: nn.Module, images: Tensor) -> None:
    heat_maps = HeatMaps(layer="4")
    ones = heat_maps(images, classifier, 1)
    assert torch.equal(ones, heat_maps(images, classifier, [1, 1, 1, 1]))
    assert torch.equal(ones, heat_maps(images, classifier, torch.tensor([1, 1, 1, 1])))
    assert not torch.equal(ones, heat_maps(images, classifier, 2))


@pytest.mark.parametrize(("network", "last"), [("tiny_unet", "final_conv"), ("classifier", "4")])
def test_the_last_convolution_is_the_default(
    network: str, last: str, images: Tensor, request: pytest.FixtureRequest
) -> None:
    network = request.getfixturevalue(network)
    assert torch.equal(HeatMaps()(images, network), HeatMaps(layer=last)(images, network))


@pytest.mark.parametrize("method", ["GradCAMPlusPlus", "FEM"])
def test_no_predicted_foreground_is_a_map_of_zeros(method: str, tiny_unet: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        logits = tiny_unet(images)
        margins = (logits[:, 1] - logits[:, 0]).amax(dim=(1, 2))
        tiny_unet.final_conv.bias[1] -= margins.sort().values[1:3].mean()  # two images keep some foreground
    empty = margins < margins.sort().values[1:3].mean()
    maps = HeatMaps(method, "upcat_1.convs.conv_1")(images, tiny_unet)
    assert empty.sum() == 2
    assert torch.equal(maps.amax(dim=(1, 2, 3)) == 0, empty)


def test_a_constant_map_is_zeros(classifier: nn.Module) -> None:
    with torch.no_grad():
        classifier[4].weight.zero_()
        classifier[4].bias.fill_(1)
    assert not HeatMaps(layer="4")(torch.zeros(2, 3, 48, 64), classifier).any()


def test_no_images_have_no_maps(classifier: nn.Module) -> None:
    assert HeatMaps()(torch.zeros(0, 3, 48, 64), classifier).shape == (0, 1, 48, 64)


@pytest.mark.parametrize("method", ["GradCAMPlusPlus", "ScoreCAM"])
def test_permuting_the_batch_permutes_the_maps(method: str, tiny_unet: nn.Module, images: Tensor) -> None:
    heat_maps, order = HeatMaps(method, "upcat_1.convs.conv_1"), [2, 0, 3, 1]
    torch.testing.assert_close(heat_maps(images[order], tiny_unet), heat_maps(images, tiny_unet)[order], **TOLERANCE)


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_left_as_it_was(
    method: str, classifier: nn.Module, images: Tensor, unchanged: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    classifier(images).sum().backward()  # gradients of a training under way
    classifier.train()[1].eval()
    classifier[0].bias.requires_grad_(False)
    with unchanged(classifier):
        HeatMaps(method, "4")(images, classifier)
    assert capfd.readouterr() == ("", "")


def test_the_network_is_left_as_it_was_when_the_call_raises(
    classifier: nn.Module, images: Tensor, unchanged: Callable
) -> None:
    def fails(inputs: Tensor, network: nn.Module) -> Tensor:
        network(inputs)
        raise RuntimeError("no memory left")

    classifier.train()
    with unchanged(classifier), pytest.raises(RuntimeError, match="no memory left"):
        HeatMaps(layer="4", forward=fails)(images, classifier)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_any_gradient_context(context: type, tiny_unet: nn.Module, images: Tensor) -> None:
    expected = HeatMaps(layer="upcat_1.convs.conv_1")(images, tiny_unet)
    with context():
        maps = HeatMaps(layer="upcat_1.convs.conv_1")(images.clone(), tiny_unet)
        assert torch.is_inference_mode_enabled() == (context is torch.inference_mode)
        assert torch.is_grad_enabled() == (context is torch.enable_grad)
    assert torch.equal(maps, expected) and not maps.requires_grad


def test_inputs_that_need_a_gradient_get_none(tiny_unet: nn.Module, images: Tensor) -> None:
    images.requires_grad_()
    assert not HeatMaps()(images, tiny_unet).requires_grad and images.grad is None


def test_nothing_before_the_layer_is_part_of_the_graph(tiny_unet: nn.Module, images: Tensor) -> None:
    graphs = {}

    def look(name: str) -> Callable:
        return lambda module, inputs, output: graphs.__setitem__(name, output.requires_grad)

    for name in ("conv_0", "upcat_2", "final_conv"):
        tiny_unet.get_submodule(name).register_forward_hook(look(name))
    HeatMaps(layer="upcat_1.convs.conv_1")(images, tiny_unet)
    assert graphs == {"conv_0": False, "upcat_2": False, "final_conv": True}


def test_a_sweep_prunes_the_maps_and_stays_usable(tiny_unet: nn.Module, images: Tensor) -> None:
    heat_maps = HeatMaps(layer="upcat_1.convs.conv_1")
    sweep, dense = Sweep(tiny_unet, GlobalMagnitude(), [0.0, 0.5]), heat_maps(images, tiny_unet)
    with sweep.at(0.0):
        assert torch.equal(heat_maps(images, tiny_unet), dense)
    with sweep.at(0.5):
        after = heat_maps(images, tiny_unet)
    with pruned(tiny_unet, GlobalMagnitude(amount=0.5).masks(tiny_unet)):
        assert torch.equal(heat_maps(images, tiny_unet), after)
    assert not torch.equal(after, dense)
    assert torch.equal(heat_maps(images, tiny_unet), dense)


def test_wrapped_networks_are_looked_through(classifier: nn.Module, images: Tensor) -> None:
    wrapped = nn.DataParallel(classifier)
    assert torch.equal(HeatMaps(layer="4")(images, wrapped), HeatMaps(layer="4")(images, classifier))


def test_a_compiled_network_has_the_same_maps(classifier: nn.Module, images: Tensor) -> None:
    expected = HeatMaps(layer="4")(images, classifier)
    classifier.compile(backend="eager")
    with torch.no_grad():
        classifier(images)
    assert torch.equal(HeatMaps(layer="4")(images, classifier), expected)


def test_tensors_with_metadata_give_plain_maps(classifier: nn.Module, images: Tensor) -> None:
    maps = HeatMaps(layer="4")(MetaTensor(images), classifier)
    assert type(maps) is Tensor
    assert torch.equal(maps, HeatMaps(layer="4")(images, classifier))


def test_modules_in_place_that_leave_the_layer_alone_are_fine(classifier: nn.Module, images: Tensor) -> None:
    expected = HeatMaps(layer="4")(images, classifier)
    classifier[2].inplace = classifier[9].inplace = True
    assert torch.equal(HeatMaps(layer="4")(images, classifier), expected)


class AddsInPlace(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        inputs += 1
        return inputs


@pytest.mark.parametrize("method", ["GradCAMPlusPlus", "FEM"])
@pytest.mark.parametrize(
    ("culprit", "named"), [(nn.ReLU(inplace=True), r"5 \(ReLU\)"), (AddsInPlace(), "the network's forward")]
)
def test_a_layer_modified_in_place_is_refused(
    method: str, culprit: nn.Module, named: str, classifier: nn.Module, images: Tensor, unchanged: Callable
) -> None:
    classifier[5] = culprit
    words = f"^layer must keep its output, got '4', which {named} modifies in place; build the network with inplace=Fa"
    with unchanged(classifier), pytest.raises(ValueError, match=words):
        HeatMaps(method, "4")(images, classifier)


@pytest.mark.parametrize(
    "make", [torch.jit.script, lambda network: torch.jit.trace(network, torch.zeros(1, 3, 48, 64))]
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_scripted_network_is_refused(make: Callable, classifier: nn.Module, images: Tensor) -> None:
    with pytest.raises(TypeError, match="^network must be a plain module for heat maps, got the scripted or traced"):
        HeatMaps()(images, make(classifier))


def test_an_unknown_method_is_refused_with_those_that_work() -> None:
    with pytest.raises(ValueError, match="^method must be one of GradCAMPlusPlus, GradCAM, .*, got 'GradCam'; choose"):
        HeatMaps("GradCam")


def test_an_unknown_layer_is_refused_with_those_that_exist(tiny_unet: nn.Module, images: Tensor) -> None:
    with pytest.raises(ValueError, match="^layer must be the name of a layer of BasicUNet, got 'final_convs'") as error:
        HeatMaps(layer="final_convs")(images, tiny_unet)
    assert "the nearest are final_conv" in str(error.value)
    assert "its convolutions are conv_0.conv_0.conv, " in str(error.value) and str(error.value).endswith("final_conv")
    with pytest.raises(ValueError, match="got ''; its convolutions are"):
        HeatMaps(layer="")(images, tiny_unet)


def test_a_network_without_convolution_is_refused(images: Tensor) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 48 * 64, 2))
    with pytest.raises(
        ValueError, match="^network must have a convolution for heat maps, got none in Sequential; name"
    ):
        HeatMaps()(images, network)


class Unusual(nn.Module):
    """A convolution used as told, beside one that leads nowhere."""

    def __init__(self, used: Callable[[nn.Module, Tensor], object]) -> None:
        super().__init__()
        self.conv, self.aside, self.used = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 2, 3), used

    def forward(self, inputs: Tensor) -> object:
        self.aside(inputs)
        return self.used(self.conv, inputs)


@pytest.mark.parametrize(
    ("used", "layer", "kind", "words"),
    [
        (
            lambda conv, x: conv(conv(x)[:, [0, 1, 0]]),
            "conv",
            ValueError,
            "must run once in a forward pass, got 2 runs",
        ),
        (lambda conv, x: x.mean((2, 3)), "conv", ValueError, "must run once in a forward pass, got 0 runs of 'conv'"),
        (lambda conv, x: conv(x), "aside", ValueError, "layer must lead to the output of the network, got 'aside'"),
        (lambda conv, x: [conv(x)], "conv", TypeError, "network must return one tensor, got list; wrap it"),
        (lambda conv, x: conv(x)[:, :1], "conv", ValueError, r"logits \(N, C\) or \(N, 2, H, W\) of 4 images, got \(4"),
        (lambda conv, x: conv(x).mean(), "conv", ValueError, r"of 4 images, got \(\); wrap it"),
    ],
)
def test_unusual_networks_are_refused(
    used: Callable, layer: str, kind: type[Exception], words: str, images: Tensor, unchanged: Callable
) -> None:
    network = Unusual(used)
    with unchanged(network), pytest.raises(kind, match=words):
        HeatMaps(layer=layer)(images, network)


def test_a_layer_without_a_picture_is_refused(classifier: nn.Module, images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^layer must put out \(N, K, h, w\), got \(4, 16\) of '8'; name a convolut"):
        HeatMaps(layer="8")(images, classifier)


def test_wrong_inputs_and_classes_are_refused(classifier: nn.Module, tiny_unet: nn.Module, images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^inputs must be \(N, C, H, W\), got \(3, 48, 64\); pass a batch"):
        HeatMaps()(images[0], classifier)
    with pytest.raises(ValueError, match=r"^class_index must be one class an image \(4\), got 3; pass as many"):
        HeatMaps()(images, classifier, [0, 1, 2])
    with pytest.raises(ValueError, match=r"^class_index must be in 0\.\.2, got 3; name a class of the network"):
        HeatMaps()(images, classifier, [0, 1, 3, 2])
    with pytest.raises(ValueError, match=r"^class_index must be None where the network segments, got 1; leave it"):
        HeatMaps()(images, tiny_unet, 1)


def test_nan_is_not_hidden(classifier: nn.Module, images: Tensor) -> None:
    images[1, 0, 5, 5] = torch.nan
    maps = HeatMaps(layer="4")(images, classifier)
    assert maps[1].isnan().any() and not maps[[0, 2, 3]].isnan().any()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("kind", ["classifier", "tiny_unet"])
def test_a_map_of_an_output_that_is_not_finite_is_nan(
    kind: str, bad: float, request: pytest.FixtureRequest, images: Tensor
) -> None:
    network = request.getfixturevalue(kind)

    def forward(inputs: Tensor, network: nn.Module) -> Tensor:
        output = network(inputs)
        return output + torch.tensor([0, 0, bad, 0]).view(4, *[1] * (output.ndim - 1))

    maps = HeatMaps("GradCAM", forward=forward)(images, network)
    assert maps[2].isnan().all() and maps[[0, 1, 3]].isfinite().all()
