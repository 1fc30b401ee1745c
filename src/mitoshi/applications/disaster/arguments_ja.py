"""Japanese descriptions of the data arguments and parameters of the disaster methods; the English ones are their docstrings."""

from __future__ import annotations

__all__ = [
    "BUILDING_DAMAGE",
    "FLOOD_DEPTH",
    "FLOOD_EXTENT",
    "FLOOD_EXTENT_FUSED",
    "FLOOD_EXTENT_OPTICAL",
    "IMPACT",
    "INUNDATION",
    "LANDSLIDE",
    "LANDSLIDE_OPTICAL",
    "TSUNAMI",
]

_CLASS_SHARE = (
    "（判定前に見込む建物の割合。仮定。残りは「被害なし（画像上）」の割合）。場面の建物の多くは立っているため低くしています。"
    "0.025 のとき、"
    "後方散乱だけでは、安定した地面で倒壊・流失と見込むのは 2 % 未満です。"
)
_STANDING = (
    "（無被害の建物の標準値）。2 つの事象（グアテマラ 2018、フローレンス 2018）の 0.5 m 画像で、立っている建物の"
    "中央値を求め、"
    "平均した値です。"
)
_NATURAL = (
    "の、無被害の建物どうしでのばらつき（標準偏差、仮定）。光学画像の値はジョプリン 2011 の 1 タイルの西半分で"
    "選びました。"
)
_THRESHOLD_SHIFT = (
    "水とみなす境の確率 0.5 に加える値。低くすると浸水を広めに、高くするとより確実なものだけを抽出します。"
)
_PERMANENT_WATER = "1 年のうち水に覆われる時間の割合（0〜1）。0.5 以上を平常時水域とします。"

BUILDING_DAMAGE = {
    "footprints": "発災前の建物外形。",
    "coherence_before": "発災前のペアのコヒーレンス（0〜1）。",
    "coherence_across": "発災前後にまたがるペアのコヒーレンス（0〜1）。",
    "before": "発災前の校正済み後方散乱係数。偏波は発災後と同じもの。",
    "after": "発災後の校正済み後方散乱係数。偏波は発災前と同じもの。",
    "before_optical": "発災前の光学画像。バンドは発災後と同じもの。輝度の尺度は問いません。画素は数 m 以下。",
    "after_optical": "発災後の光学画像。バンドは発災前と同じもの。輝度の尺度は問いません。画素は数 m 以下。",
    "cloud": "発災後の光学画像のマスク。地面が見える画素は 0、雲・影・煙で隠れた画素はそれ以外の値。",
    "context_m": "建物外形のまわりを建物の一部とみなす幅 [m]。",
    "search_m": "発災前後の光学画像の位置ずれを探す最大の距離 [m]。ただし 8 画素まで。",
    "window_m": "被害の代理指標を計算する窓の一辺 [m]。3 画素以上 29 画素以下。",
    "prior_minor": f"「軽微な被害」の事前確率{_CLASS_SHARE}",
    "prior_major": f"「大きな被害」の事前確率{_CLASS_SHARE}",
    "prior_destroyed": f"「倒壊・流失」の事前確率{_CLASS_SHARE}",
    "undamaged_correlation": f"発災前後の輝度の相関 ρ{_STANDING}",
    "undamaged_edges": f"発災前後の輪郭の一致度 ε{_STANDING}",
    "coherence_looks": "コヒーレンス推定の独立ルック数。",
    "backscatter_looks": "後方散乱 1 画素の独立ルック数。",
    "natural_coherence": f"コヒーレンス{_NATURAL}",
    "natural_correlation": f"相関{_NATURAL}",
    "natural_edges": f"輪郭の一致度{_NATURAL}",
    "natural_detail": f"コントラストに対する細部の強さの自然対数{_NATURAL}",
    "natural_backscatter_db": "後方散乱の、無被害の建物どうしでのばらつき（標準偏差 [dB]）。安定した地面では"
    "低下の 95 % が 2.0 dB 未満"
    "（`benchmarks/natural_change.py`）であり、これを 1.645 で割った値です。",
    "damage_backscatter_db": "すべてが倒壊・流失したときの後方散乱の変化（標準偏差 [dB]、仮定）。",
    "damage_detail": "すべてが倒壊・流失したときの細部の強さの変化（対数比の平均。光学画像のばらつきと同じ資料で選定）。",
    "resolution_tolerance": "発災前後の光学画像の鮮鋭度の比が、通常の 1.25 から何倍まで離れてよいか。超えると"
    "計算しません。100 なら制限なし。"
    "鮮鋭度は、隣り合う画素の差の二乗平均を、4 画素離れた画素の差の二乗平均で割った値です。",
}

FLOOD_DEPTH = {
    "flood": "浸水域の地図：0 非浸水、1 浸水、2 平常時水域、欠損は観測不能。",
    "elevation": "地盤の標高 [m]。鉛直基準は問いません。浸水域の地図より細かいときは画素内の平均を地盤の高さとし、"
    "画素より狭い堤防も水を止めるものとします。",
    "coherence_before": "発災前のペアのコヒーレンス（0〜1）。未観測は欠損。",
    "coherence_across": "発災前後にまたがるペアのコヒーレンス（0〜1）。未観測は欠損。",
    "built_up": "画素のうち建物が占める割合（0〜1）。コヒーレンスは市街地だけで用います。",
    "elevation_error_m": "標高の標準誤差 [m]。既定値は国土地理院の 5 m レーザ測量モデル（DEM5A、0.3 m 以内）のもの。"
    "写真測量の DEM5B は 0.7 m、"
    "DEM5C は 1.4 m、等高線による DEM10B は 5 m です（fgd.gsi.go.jp/download/ref_dem.html）。",
    "surface_slope": "見込まれる水面勾配の大きさ [m/m]。",
    "edge_depth_m": "浸水域の縁での水深 [m]。切り株や草が水面から出る浅い水は地図に現れません。"
    "既定値は Betterle and Salamon (2024) の "
    "0.1 m。水際まで描かれた地図では 0。",
    "unseen_reach_m": "観測された場所からこの距離 [m] までの未観測の地面は、水が届かなければ"
    "浸水していないとみなします。その先は不明とします。"
    "仮定：市街地の幅はこれより狭く、場面の欠けた半分はこれより広い。",
    "coherence_looks": "コヒーレンス推定の独立ルック数。処理者が示す値。",
    "natural_coherence": "浸水していない市街地のコヒーレンスの、ペア間のばらつき（標準偏差）。"
    "`disaster.building-damage` と同じ仮定。",
    "flooded_coherence": "浸水した市街地に残るコヒーレンスの最大の割合（水面より上の屋根や壁による）。仮定。",
    "other_coherence": "コヒーレンスが水と対応しない市街地の画素の割合：水がなくても失われる（雨、工事、被害）、"
    "または水があっても残る。"
    "コヒーレンスから言えることの上限を決めます。仮定。",
    "built_up_threshold": "市街地とみなす建物の占有率の下限。`disaster.flood-extent` と同じ。",
}

FLOOD_EXTENT = {
    "after": "浸水中または浸水後の後方散乱。1 または 2 偏波。校正済みの線形電力、または相対値の後方散乱。",
    "before": "浸水前の後方散乱。偏波は浸水後と同じもの。平常時水域や常に暗い地面を浸水と区別します。",
    "elevation": "地盤または地表の高さ [m]。傾斜と、最寄りの水路からの高さを求めます。",
    "reference_water": "水に覆われる時間の割合（0〜1）。0.5 以上を平常時水域とし、岸の平均の計算から除きます。",
    "land_cover": "土地被覆図の区分コード。樹木と市街地、まとまった市街地から 15 m 以内は観測不能とします。",
    "built_up": "画素のうち建物が占める割合（0〜1）。値のある画素では、道路も含む土地被覆の区分に代えて、これで"
    "市街地を判断します。",
    "incidence_angle": "観測時の入射角 [度]（局所、または楕円体上）。校正済みの値を 38 度の γ⁰ に換算し、角度のない"
    "画素は観測不能とします。"
    "これも `incidence_deg` もないときは、値をそのまま用います。",
    "threshold_shift": "学習した確率の境に加える値。低くすると浸水を広めに、高くするとより確実なものだけを抽出します。",
    "land_cover_scheme": "土地被覆のコード体系。",
    "built_up_threshold": "市街地とみなす建物の占有率の下限。仮定：数 m の壁ひとつの反射が、100 m² の地面の反射を"
    "上回ります。",
    "look_azimuth_deg": "レーダーが照射する方向（北から時計回り [度]）。右向き観測では北行軌道で約 80、南行軌道で"
    "約 280。-1 は不明で、"
    "プロダクトに記載があればその値を用います。入射角と標高があればレイオーバーとレーダーシャドウを求めます。"
    "ないときは、30 度より急な斜面をすべて観測不能とします。",
    "incidence_deg": "場面中央でのレーダーの入射角 [度]。0 は不明。`incidence_angle` の代わりに用います。",
    "co_slope_db": "VV または HH での、開けた水面の σ⁰ の入射角に対する変化 [dB/度]。",
    "cross_slope_db": "VH または HV での同じ変化 [dB/度]。仮定：静かな水面は装置の雑音の水準にあります。",
}

_MEMBER_MAP = (
    "の地図（同じ実行のもの：0 非浸水、1 浸水、2 平常時水域）。平常時水域と、片方のセンサだけが見た場所の区分を示します。"
    "ないときは、確率 0.5 以上を浸水とします。"
)
_MEMBER_PROBABILITY = (
    "による浸水確率。未観測は欠損。`disaster.flood-extent`、`disaster.flood-extent-optical` などの結果。"
)
_HOURS = "の撮像時刻までの時間 [h]（地図の対象時刻から。前なら負）。両方に共通する隔たりは差し引きません。"

FLOOD_EXTENT_FUSED = {
    "radar_probability": f"レーダー{_MEMBER_PROBABILITY}",
    "optical_probability": f"光学画像{_MEMBER_PROBABILITY}",
    "radar_flood": f"レーダー{_MEMBER_MAP}",
    "optical_flood": f"光学画像{_MEMBER_MAP}",
    "radar_hours": f"レーダー画像{_HOURS}",
    "optical_hours": f"光学画像{_HOURS}",
    "half_life_hours": "この時間 [h] が過ぎると画素の半数は状態が変わりうるとします。仮定：短い洪水の 1〜7 日の範囲内"
    "（Najibi and Devineni 2018、doi:10.5194/esd-9-757-2018）。その事象の値が分かればそれを用いてください。",
    "shared_error": "水域内・陸域内での 2 つの対数オッズの相関。Sen1Floods11 の判読済み 2 場面で 0.42 と 0.49。",
    "radar_strength": "水と陸の隔たり（対数オッズの標準偏差を単位とする）の、光学画像に対するレーダーの比。"
    "上の 2 場面で 0.33 と 0.55。",
    "prior": "画像を見る前の浸水確率。2 つの地図に共通する値。どちらの地図も、画素から何も分からなければ水と陸を同じ"
    "確からしさとするため、"
    "既定値は 0.5。",
    "threshold_shift": _THRESHOLD_SHIFT,
}

FLOOD_EXTENT_OPTICAL = {
    "after": "浸水中または浸水後の反射率。バンド名が必要：緑と、SWIR1 または NIR。できれば両方と、青・赤も。",
    "before": "浸水前の反射率。対応するどのセンサでもよい。そのとき水だった場所を平常時水域とします。",
    "elevation": "地盤の標高 [m]。傾斜から地形の影と水を区別します。",
    "reference_water": _PERMANENT_WATER,
    "quality": "浸水後の画像の品質フラグ：Sentinel-2 の場面分類、Landsat の QA_PIXEL、または HLS の Fmask。",
    "quality_before": "浸水前の画像の品質フラグ：Sentinel-2 の場面分類、Landsat の QA_PIXEL、または HLS の Fmask。",
    "threshold_shift": _THRESHOLD_SHIFT,
}

IMPACT = {
    "depth": "地面からの水深 [m]。0 は非浸水、欠損は未観測。",
    "depth_uncertainty": "浸水した場所の水深の標準不確かさ [m]。",
    "buildings": "建物の外形または点。構造の記載がなければ木造、床の高さがなければ `floor_height`、延べ面積がなければ"
    "（分かる場合は）外形の面積×階数とします。",
    "population": "セルごとの人口。ないときは、記載があれば建物の居住者を数えます。",
    "roads": "つながる場所で頂点を共有する線。",
    "facilities": "病院、避難所、備蓄倉庫など。",
    "settlements": "到達できるかを調べる集落の点または区域。",
    "districts": "集計の単位とする区域。",
    "elevation": "地盤の標高 [m]。浸水していない地面が近くの水面よりどれだけ高いかを求め、幅の上限に用います。",
    "flow_speed": "流速 [m/s]。道路上では水深に v²/2g を加えます。",
    "water_probability": "浸水確率：1 は浸水を観測、0 は非浸水、その間は未観測の場所、欠損は不明。未観測の場所の `depth` は"
    "浸水した場合の水深です。そこにある建物などは確率に応じて数えます。",
    "hazard": "災害の種類。「tsunami」では建物の被害関数（Suppasri et al. 2013）を加えます。",
    "flooding": "「levee_breach」は水深で罹災証明の区分を判定、「inland」は床上浸水の住家を調査対象とします。",
    "certificate_rule": "「six_classes」は現行の運用指針の 6 区分、もう一方は 2018 年 7 月の通知の 3 区分。",
    "assumed_uncertainty": "水深の標準不確かさが与えられないときの値 [m]。仮定。",
    "error_length": "未観測の場所で水位の誤差が共通する距離 [m]。相関は exp(-d / 距離)。長いほど、建物と人の数の幅が"
    "広がります。"
    "既定値は、標高の誤差が 165 m にわたる 30 の模擬地域で選びました（benchmarks/people_in_water.py）。"
    "実際の標高モデルの誤差は、さらに遠くまで及ぶことがあります。",
    "floor_height": "建物に記載がないときの 1 階床の地面からの高さ [m]（水害ハザードマップ作成の手引き）。",
    "slope_class": "被害率に用いる地盤勾配の区分：A は 1/1000 未満、B、C は 1/500 以上。「all」は 3 区分の幅で示します。",
    "house_value": "家屋の延べ床面積 1 m² あたりの評価額 [円]。0 は不明で、損失は面積（m²）だけで示します。",
    "household_value": "1 世帯あたりの家庭用品の評価額 [円]。0 は不明。",
    "car_limit": "普通車が通れなくなる全水頭 [m]。",
    "truck_limit": "緊急車両（トラック）が通れなくなる全水頭 [m]。",
    "vehicle": "集落へ向かう車両の種類。",
    "road_distance": "集落・施設を道路に結びつける最大の距離 [m]。",
    "pump_capacity": "排水ポンプ車 1 台の能力 [m³/分]。",
    "pump_efficiency": "実際に出せる能力の割合。1 は定格どおり。",
    "pump_hours": "排水にかけてよい時間 [h]。",
    "pump_inflow": "各区域へなお流れ込む水量 [m³/s]。",
    "pump_reach": "道路からホースが届く距離 [m]。",
    "least_volume": "これより水量の少ない区域は一覧に載せません [m³]。3000 は 25 m プール 10 杯分です。",
}

_LENGTH = "計算する時間の長さ [h]。"
_MANNING = "地図に値がない場所のマニングの粗度係数 n。"
_GAUGE_INTERVAL = "観測点の記録の間隔 [s]。"
_WET_DEPTH = "浸水とみなす水深 [m]。"
_DEBRIS = "「conservative」では、FD2320 表 13.1 の漂流物の係数を危険度に加えます。"
_MEMBERS = "摂動なしを含む全計算数。1 ならアンサンブルを作らず、不確かさも示しません。"
_SEED = "アンサンブルの乱数の種。"
_COARSENING = "アンサンブル計算の格子 1 辺に含まれる元の格子の数。"
_ELEVATION_ERROR = "標高の誤差の標準偏差 [m]（仮定）。"
_ELEVATION_LENGTH = "標高の誤差が似ている距離 [m]（仮定）。"
_ROUGHNESS_SPREAD = "粗度係数の対数の標準偏差（仮定）。"
_BUILDINGS = "建物の面。`building_height_m` だけ高くします。"
_ROUGHNESS = "マニングの粗度係数 n。値のない場所は `manning`。"
_GAUGES = "水位・水深・流速を時刻ごとに記録する点。"
_WATER_LEVEL = "辺全体に与える水位の時系列。"

INUNDATION = {
    "elevation": "地盤の標高 [m]。欠損は計算の範囲外（壁の向こう）。",
    "inflow": "点・線・面に与える流量の時系列。同じ名前の行は 1 つの時系列、1 行だけなら一定の流量。",
    "rain": "雨の強さの時系列。最後の値が終わりまで続きます。",
    "water_level": _WATER_LEVEL,
    "buildings": _BUILDINGS,
    "roughness": _ROUGHNESS,
    "initial_depth": "開始時の水深 [m]。`wet_depth_m` より深い場所は平常時水域とします。カタログからは"
    "発災前 2 日以内の地図だけを用い、"
    "浸水そのものの地図は用いません。",
    "infiltration": "地面の浸透能 [mm/h]。値のない場所は `infiltration_mm_h`。",
    "gauges": _GAUGES,
    "initial_speed_east": "開始時の流速の東向き成分 [m/s]。なければ 0。",
    "initial_speed_north": "開始時の流速の北向き成分 [m/s]。なければ 0。",
    "duration_h": _LENGTH,
    "mode": "「local-inertial」は緩やかな浸水、「full」は速い流れに用います。",
    "manning": _MANNING,
    "infiltration_mm_h": "地図に値がない場所の浸透能 [mm/h]。",
    "boundary": "「open」は水位を与えない辺から水が流れ出ます。「wall」は流れ出ません。",
    "level_edge": "水位の与え方。「level」は縁の水位を保ちます（川や岸の水位計）。「incident」は波として入れ、戻る"
    "波は外へ出します。"
    "「outside」は外側の静かな水面の水位で、戻る波は外へ出します。表の流速は外側の水のものです。",
    "gauge_interval_s": _GAUGE_INTERVAL,
    "building_height_m": "建物を高くする量 [m]。0 は建物を考えません。",
    "wet_depth_m": _WET_DEPTH,
    "debris": _DEBRIS,
    "members": _MEMBERS,
    "seed": _SEED,
    "ensemble_coarsening": _COARSENING,
    "inflow_spread": "流入量と雨量の対数の標準偏差（仮定）。",
    "roughness_spread": _ROUGHNESS_SPREAD,
    "elevation_error_m": _ELEVATION_ERROR,
    "elevation_error_length_m": _ELEVATION_LENGTH,
    "water_level_error_m": "水位の標準偏差 [m]（仮定）。",
}

LANDSLIDE = {
    "elevation": "発災前の地盤の標高 [m]。傾斜、流路、谷、湛水域を求めます。",
    "elevation_after": "発災後の地盤の標高 [m]。`elevation` との差から変化を求めます。",
    "elevation_change": "標高の変化 [m]。上向きを正とします。",
    "before": "発災前の後方散乱。偏波は発災後と同じもの。",
    "after": "発災後の後方散乱。偏波は発災前と同じもの。",
    "before_optical": "発災前の光学画像。赤と近赤外のバンドが必要です。",
    "after_optical": "発災後の光学画像。赤と近赤外のバンドが必要です。",
    "flood": "同じ事象の浸水域の地図。画像が水と示す場所は土砂移動としません。",
    "cloud": "発災後の光学画像のマスク。地面が見える画素は 0、隠れた画素はそれ以外の値。ないときは、前後いずれかの"
    "画像の厚い雲"
    "（一帯が明るく白い）と光の届かない影を除きます。",
    "cell_m": "ファイルに位置情報がないときの格子の一辺 [m]。0 は位置情報から求めます。",
    "smallest_m2": "これより小さい土砂移動は載せません [m²]。",
    "prior": "急斜面の格子のうち崩れたと見込む割合（仮定）。",
    "change_m": "土砂移動による標高の変化の標準偏差 [m]（仮定）。",
    "vegetation_loss": "土砂移動による植生の減少：rdNDVI の平均の低下（仮定）。",
    "backscatter_db": "土砂移動による後方散乱の変化の標準偏差 [dB]（仮定）。",
    "smoothness": "8 近傍のそれぞれが加える対数オッズ（仮定）。",
    "slope_low_deg": "この傾斜 [度] 以下では事前確率を 20 分の 1 とします。",
    "slope_high_deg": "この傾斜 [度] 以上では事前確率をそのまま用います。",
    "runout_width_m": "土砂移動の下流の流路から、事前オッズを 10 倍とする距離 [m]（仮定）。",
    "volume_coefficient": "面積と体積の関係式の係数（m²、m³。Guzzetti et al. 2009、原典未確認）。",
    "volume_exponent": "面積と体積の関係式の指数（Guzzetti et al. 2009、原典未確認）。",
    "volume_log10_scatter": "面積と体積の関係式のばらつき：log10 V の標準偏差（仮定）。",
    "channel_km2": "谷を流路とみなす集水面積の下限 [km²]。",
    "smallest_lake_m3": "これより貯水量の少ない湛水域は載せません [m³]。",
    "inflow_m3_s": "湛水域への流入量 [m³/s]。0 は不明。",
    "rainfall_mm_h": "流域の雨の強さ [mm/h]。`inflow_m3_s` が 0 のとき、Q = f r A / 3.6 で流入量を求めます。",
    "runoff_coefficient": "雨のうち流れ出る割合 f。`inflow_m3_s` が 0 のとき、Q = f r A / 3.6 で流入量を求めます。",
    "inflow_doubt": "流入量が上下に何倍まで違いうるか。",
}

LANDSLIDE_OPTICAL = {
    "after_optical": "赤と緑のバンドを持つ画像：デジタル値または反射率。",
    "elevation": "地盤の標高 [m]。傾斜を求めます。",
    "flood": "同じ事象の浸水域の地図。濁った水も含め、水は土砂移動としません。",
    "cloud": "画像のマスク。地面が見える画素は 0、雲・影・煙で隠れた画素はそれ以外の値。",
    "soil_log_ratio": "裸地と植物が同じ確からしさになる、赤/緑の自然対数 c。既定値は 3 m の RGB 画像（北海道 2018、"
    "20 タイル）のもので、"
    "タイルの 4 分の 3 で学習すると 0.059〜0.065 です。",
    "soil_steepness": "対数比 1 あたりの対数オッズ k。同じタイルで学習しました。",
    "slope_low_deg": "この傾斜 [度] 以下ではオッズを 20 分の 1 とします。",
    "slope_high_deg": "この傾斜 [度] 以上ではオッズをそのまま用います。",
    "least_plants": "裸地を土砂移動の候補とするために必要な、観測された画素に占める植物の割合（仮定。学習に"
    "用いたタイルでは 0.42〜0.89）。"
    "0 なら植物の割合を問いません。",
}

TSUNAMI = {
    "elevation": "地震前の地形と水深 [m]（上向きが正）。欠損は計算の範囲外（壁の向こう）。",
    "initial_surface": "海面の変位 [m]。欠損は変位なし。",
    "fault": "断層の区分。経度・緯度は上端の中心の位置。",
    "water_level": _WATER_LEVEL,
    "buildings": _BUILDINGS,
    "roughness": _ROUGHNESS,
    "gauges": _GAUGES,
    "duration_h": _LENGTH,
    "sea_level_m": "静水時の水位（潮位）[m]。標高データの鉛直基準によります。",
    "mode": "「full」は段波（砕けた波の先端）を解像します。「local-inertial」は速い代わりに解像しません。",
    "manning": _MANNING,
    "boundary": "「open」は水位を与えない辺から波が出て、海は `sea_level_m` に戻ります。「wall」は波をはね返します。",
    "level_edge": "水位の与え方。「incident」は波として入れ、戻る波は外へ出します。「outside」は外側の静かな"
    "水面（港、潮汐）の水位とし、"
    "戻る波も外へ出します。「level」は縁の水位を保ち（岸の水位計）、戻る波をはね返します。表の流速は外側の水のものです。",
    "gauge_interval_s": _GAUGE_INTERVAL,
    "building_height_m": "建物を高くする量 [m]。0 は建物を考えません（木造家屋の多くは津波に耐えません）。",
    "wet_depth_m": _WET_DEPTH,
    "debris": _DEBRIS,
    "members": _MEMBERS,
    "seed": _SEED,
    "ensemble_coarsening": _COARSENING,
    "displacement_spread": "海面変位の対数の標準偏差（仮定）。",
    "roughness_spread": _ROUGHNESS_SPREAD,
    "elevation_error_m": _ELEVATION_ERROR,
    "elevation_error_length_m": _ELEVATION_LENGTH,
    "water_level_error_m": "辺に与える水位の標準偏差 [m]（仮定）。",
}
