#!/usr/bin/env python3
"""Writes fixtures/golden/spectrograms.json: spectrograms of clips, by librosa and PyTorch.

The clips are waves 0.4·sin(a·i + b) + 0.2·sin(a'·i + b'), so that the tests make the same ones. `magnitudes` is librosa's |STFT| with its
own defaults (a periodic Hann window, centred frames, zeros outside of the clip), every 41st value; `image` is what IDC's
program makes of it, every 7th value: a column of zeros before, zeros up to 128 columns after, PyTorch's bilinear `interpolate`, and
the logarithm. At 16 kHz that program's numbers are 255 and 128. `tones` are clips of fixtures/tones.tar.gz, read by soundfile.
Usage: python3 Scripts/golden/spectrograms.py > fixtures/golden/spectrograms.json   (made with librosa 0.11, PyTorch 2.x, soundfile 0.13)
"""
import io
import pathlib
import tarfile

import librosa
import numpy as np
import soundfile
import torch
import torch.nn.functional as F

from waves import keep, wave, write


def image(samples, rate):
    hop = round(rate / 125)
    samples = np.pad(samples[:rate], (0, max(0, rate - len(samples)))).astype(np.float32)
    magnitudes = np.abs(librosa.stft(samples, n_fft=2 * hop - 1, hop_length=hop))
    padded = F.pad(torch.tensor(magnitudes)[None, None], (1, 127 - magnitudes.shape[1]))
    resized = F.interpolate(padded, size=(64, 64), mode="bilinear", align_corners=False)
    return magnitudes, torch.log(resized + 1e-3).numpy()[0]


for rate, length in [(16000, 16000), (16000, 20000), (16000, 3000), (8000, 8000), (8000, 1), (11025, 9000), (22050, 22050),
                     (44100, 30000), (4000, 4000)]:
    clip = wave((length,), 0.1, 0.2, 0.4) + wave((length,), 1.3 * 4000 / rate, 0.7, 0.2)
    magnitudes, result = image(clip, rate)
    keep("shape %d %d" % (rate, length), magnitudes.shape)
    keep("magnitudes %d %d" % (rate, length), magnitudes.reshape(-1)[::41])
    keep("image %d %d" % (rate, length), result.reshape(-1)[::7])

fixtures = pathlib.Path(__file__).resolve().parent.parent.parent / "fixtures"
with tarfile.open(fixtures / "tones.tar.gz") as tar:
    for name in ["tones/fall_2.wav", "tones/high_3.flac", "tones/low_4.wav"]:
        samples, rate = soundfile.read(io.BytesIO(tar.extractfile(name).read()), dtype="float32", always_2d=True)
        keep(name, image(samples.mean(axis=1), rate)[1].reshape(-1)[::7])

write()
