"""Details of the demo's homes: rooms, beds, place, arrival, and their texts in English."""

from datetime import time
from typing import Any

from houses.described import Entry, Space

ENGLISH_RULES = (
    "No smoking indoors\nTake your shoes off at the door\nAsk us first about parties and photo shoots"
)
BY_YOURSELF = {
    "entry": Entry.SELF,
    "arrival": "门的左侧有钥匙盒，密码是您手机号的后四位。\n找不到或打不开，请打 0592-000-0000。",
    "arrival_en": "The key box is to the left of the door; its code is the last four digits of your mobile "
    "number.\nCall 0592-000-0000 if you can't find or open it.",
}
MET = {
    "entry": Entry.MET,
    "arrival": "快到时请打 0592-000-0000，管家在门口等您。\n晚上 9 点以后到，请提前告诉我们。",
    "arrival_en": "Call 0592-000-0000 shortly before you arrive: our host will be at the door.\n"
    "Please tell us beforehand if you come after 9 pm.",
}
ARRIVALS = [str(guide["arrival"]) for guide in (BY_YOURSELF, MET)]
EVERYWHERE: dict[str, Any] = {
    "rules_en": ENGLISH_RULES,
    "check_in_from": time(15),
    "check_out_by": time(12),
    "quiet_from": time(22),
    "quiet_until": time(8),
    "space": Space.WHOLE,
    **BY_YOURSELF,
}

# In the order of HOUSES. The last has only the Chinese texts, and one place is unknown.
DETAILS: list[dict[str, Any]] = [
    {
        "title_en": "Cottage by the sea",
        "description": "推窗就是海，离沙滩走路五分钟。干净、安静，床品一客一换，厨房可以做简单的饭菜。",
        "description_en": "Open the window and there is the sea; the beach is five minutes away on foot. "
        "Clean and quiet. Fresh linen for every guest, and a kitchen for simple meals.",
        "address_en": "18 Wenqing Road, Zengcuoan, Siming District",
        "district": "曾厝垵",
        "district_en": "Zengcuoan",
        "nearby": "环岛路沙滩 步行 5 分钟\n曾厝垵公交站 步行 8 分钟",
        "nearby_en": "Beach at Island Ring Road: 5 minutes on foot\nBus stop Zengcuoan: 8 minutes on foot",
        "coordinates": "118.125740,24.430560",
        "bedrooms": 1,
        "bathrooms": 1,
        "size_m2": 46,
        "double_beds": 1,
        "floor": 2,
        "has_lift": False,
    },
    {
        "title_en": "Attic in an old Shanghai lane",
        "description": "1932 年的弄堂房子，住在坡顶下的阁楼里，老虎窗边有张书桌。楼梯有三段，比较陡。",
        "description_en": "An attic under the roof of a lane house from 1932, with a desk by the dormer "
        "window. Three flights of steep stairs.",
        "address_en": "3rd floor, No. 12, Lane 608, Yuyuan Road, Jing'an District",
        "district": "静安寺",
        "district_en": "Jing'an Temple",
        "nearby": "地铁 2、7、14 号线静安寺站 步行 9 分钟",
        "nearby_en": "Metro lines 2, 7 and 14, Jing'an Temple: 9 minutes on foot",
        "coordinates": "121.437650,31.221830",
        "bedrooms": 0,
        "bathrooms": 1,
        "size_m2": 32,
        "double_beds": 1,
        "floor": 3,
        "has_lift": False,
    },
    {
        "title_en": "East wing of a courtyard house, with a tea table under the jujube tree",
        "description": "老四合院的东厢房，房东一家住在院子对面，常请客人在枣树下喝茶。",
        "description_en": "A wing of an old Beijing courtyard house. The host's family lives across the yard "
        "and likes to share a pot of tea.",
        "address_en": "27 Beixinqiao Santiao, Dongcheng District",
        "district": "北新桥",
        "district_en": "Beixinqiao",
        "nearby": "地铁 5 号线北新桥站 步行 4 分钟\n雍和宫 步行 12 分钟",
        "nearby_en": "Metro line 5, Beixinqiao: 4 minutes on foot\nLama Temple: 12 minutes on foot",
        "coordinates": "116.421100,39.940900",
        "space": Space.ROOM,
        "bedrooms": 1,
        "bathrooms": 1,
        "size_m2": 28,
        "double_beds": 1,
        "single_beds": 1,
        "floor": 1,
        **MET,
    },
    {
        "title_en": "Bai courtyard by Erhai Lake",
        "description": "整个白族院子，有雕花格子门、山茶花和厨房，屋顶上看得见洱海和苍山。",
        "description_en": "A whole courtyard house with carved screens, camellias and a kitchen. From the "
        "roof you see the lake and Mount Cang.",
        "address_en": "41 Chengbei Village, Xizhou",
        "district": "喜洲古镇",
        "district_en": "Xizhou old town",
        "nearby": "洱海边 步行 15 分钟\n喜洲古镇四方街 步行 6 分钟",
        "nearby_en": "Erhai Lake: 15 minutes on foot\nMarket square of Xizhou: 6 minutes on foot",
        "coordinates": "100.131900,25.853300",
        "bedrooms": 2,
        "bathrooms": 2,
        "size_m2": 120,
        "double_beds": 2,
        "floor": 1,
    },
    {
        "title_en": "Wooden house in the tea hills above West Lake",
        "description": "茶园里的木屋，春天可以和邻居一起采茶。一间卧室有大床，另一间铺着榻榻米，能睡两个人。",
        "description_en": "A wooden house among tea gardens. In spring you can pick tea with the neighbours. "
        "One bedroom has a double bed, the other tatami for two.",
        "address_en": "9 Shuangfeng Village, Longjing Road, Xihu District",
        "district": "龙井",
        "district_en": "Longjing",
        "nearby": "公交 27 路双峰站 步行 3 分钟\n西湖 车程 10 分钟",
        "nearby_en": "Bus 27, Shuangfeng: 3 minutes on foot\nWest Lake: 10 minutes by car",
        "coordinates": "120.114700,30.237900",
        "bedrooms": 2,
        "bathrooms": 1,
        "size_m2": 78,
        "double_beds": 1,
        "tatami_beds": 2,
        "floor": 1,
        **MET,
    },
    {
        "title_en": "High above the river, with the lights of the bridge at night",
        "description": "31 楼，落地窗外是嘉陵江，晚上看得见桥上的灯。有电梯、书桌和一张沙发床。",
        "description_en": "On the 31st floor, with a window over the Jialing. A lift, a desk and a sofa bed.",
        "address_en": "31-4, 219 Jiabin Road, Yuzhong District",
        "district": "曾家岩",
        "district_en": "Zengjiayan",
        "nearby": "轨道 2 号线曾家岩站 步行 7 分钟",
        "nearby_en": "Metro line 2, Zengjiayan: 7 minutes on foot",
        "coordinates": "106.546800,29.564900",
        "bedrooms": 1,
        "bathrooms": 1,
        "size_m2": 55,
        "double_beds": 1,
        "sofa_beds": 1,
        "floor": 31,
        "has_lift": True,
    },
    {
        "title_en": "Ground floor of a garden villa on Gulangyu",
        "description": "花园洋房的一层，三间卧室围着院子。岛上不通汽车，坐轮渡二十分钟。",
        "description_en": "Three bedrooms around a garden, on an island without cars. The ferry takes 20 "
        "minutes.",
        "address_en": "5 Jishan Road, Gulangyu, Siming District",
        "district": "鼓浪屿",
        "district_en": "Gulangyu",
        "nearby": "三丘田码头 步行 12 分钟",
        "nearby_en": "Sanqiutian ferry pier: 12 minutes on foot",
        "coordinates": "118.066900,24.443100",
        "bedrooms": 3,
        "bathrooms": 2,
        "size_m2": 140,
        "double_beds": 2,
        "bunk_beds": 1,
        "floor": 1,
        **MET,
    },
    {
        **MET,
        "description": "雪山脚下的藏式石楼，离古城的街走路十分钟。冬天有暖气，窗边可以喝茶看山。",
        "rules_en": "",
        "arrival_en": "",
        "district": "大理古城",
        "district_en": "Dali old town",
        "bedrooms": 1,
        "bathrooms": 1,
        "size_m2": 36,
        "double_beds": 1,
        "single_beds": 1,
    },
]

CAPTIONS = [
    ("房子外观", "The house from outside"),
    ("卧室", "Bedroom"),
    ("客厅和窗外", "Living room and the view"),
    ("书架和茶桌", "Bookshelves and the tea table"),
]
"""Of the photos of each home, in Chinese and in English."""


def details_of(number: int) -> dict[str, Any]:
    """Return the columns of house `number` in HOUSES."""
    return EVERYWHERE | DETAILS[number]
